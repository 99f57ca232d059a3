// The page "Waiting for a person": questions are chosen, what an answer does is told in numbers, and Airflow gets it.
"use strict";
(() => {
  const AT_ONCE = 2;
  const CHUNK = 40;
  let answering = false;

  const list = () => document.getElementById("questions");
  const plural = (count, one, many) => `${count.toLocaleString("en")} ${count === 1 ? one : many}`;

  // How many each button would answer: of the whole group, or of what is chosen of it.
  const counted = (group) => {
    if (group.querySelector("[data-all]").checked) {
      const { total, one, none } = group.dataset;
      return { chosen: Number(total), one: Number(one), none: Number(none) };
    }
    const jobs = [...group.querySelectorAll("[data-id]:checked")].map((box) => Number(box.dataset.jobs));
    return { chosen: jobs.length, one: jobs.filter((n) => n === 1).length, none: jobs.filter((n) => n === 0).length };
  };

  const label = (group) => {
    const { chosen, one, none } = counted(group);
    const calls = group.dataset.kind === "call";
    const texts = {
      adopt: [one, `Adopt ${plural(one, "that has", "that have")} exactly one job`],
      send: calls ? [none, `Send the ${none.toLocaleString("en")} without a job`] : [chosen, `Send those without a job of ${plural(chosen, "list", "lists")}`],
      leave: [chosen, chosen === 1 ? "Leave it" : `Leave all ${chosen.toLocaleString("en")}`],
    };
    for (const button of group.querySelectorAll("button[data-way]")) {
      const [count, text] = texts[button.dataset.way];
      button.dataset.first ??= button.textContent;
      button.textContent = chosen ? text : button.dataset.first;
      button.disabled = answering || count === 0;
    }
  };
  const labelAll = () => list().querySelectorAll("section").forEach((group) => group.querySelector("[data-all]") && label(group));

  // One answer, by Airflow's own REST API. Returns what became of it: answered, taken (by somebody else), over, failed.
  // Where Airflow failed by itself, as over a locked SQLite, nothing was written: it is asked again, if the question still
  // is the same. Never twice, for Airflow takes one answer to a question.
  const patch = async (one) => {
    for (let pause = 500; ; pause *= 2) {
      const [became, told] = await patchOnce(one);
      if (became !== "again") return [became, told];
      if (pause > 4000) return ["failed", told];
      await new Promise((resolve) => setTimeout(resolve, pause));
      try {
        if (!(await planned([one])).answers.length) return ["taken"];
      } catch (error) {
        return ["failed", error.message];
      }
    }
  };
  // What the server says now of answers that were planned: those whose questions still are the same.
  const planned = (answers) => {
    const chosen = answers.map(({ id, mark, option, job }) => ({ id, mark, option, job }));
    return Aimylogic.send(`${list().dataset.root}/waiting/plan`, { chosen });
  };
  const patchOnce = async ({ path, content }) => {
    let answer;
    try {
      answer = await fetch(list().dataset.airflow + path, {
        method: "PATCH",
        signal: AbortSignal.timeout(60000),
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify(content),
      });
    } catch {
      return ["failed", "Airflow could not be reached"];
    }
    if (answer.ok) return ["answered"];
    if (answer.status === 409) return ["taken"];
    const { detail } = await answer.json().catch(() => ({}));
    const told = typeof detail === "string" ? detail : `Airflow answered ${answer.status}`;
    if (answer.status === 401) return ["over", "you are no longer signed in to Airflow. Sign in in another tab, and answer the rest"];
    return [answer.status >= 500 ? "again" : "failed", told];
  };

  // What Airflow has for an answer to a question that somebody else answered.
  const saidInstead = async ({ path }) => {
    const answer = await fetch(list().dataset.airflow + path).catch(() => null);
    const { chosen_options: chosen, responded_by_user: by } = answer?.ok ? await answer.json().catch(() => ({})) : {};
    return chosen?.length ? `: “${chosen.join(", ")}”${by?.name ? `, by ${by.name}` : ""}` : "";
  };

  const tellEnd = async (answers, sum, why) => {
    const all = answers.length;
    if (all === 1 && sum.taken) {
      const instead = await saidInstead(answers[0]);
      const how = instead ? `was answered by somebody else meanwhile${instead}` : "was answered by somebody else meanwhile, or changed";
      Aimylogic.told(`Your answer wasn't taken: the question ${how}.`, true);
      return;
    }
    const answered = sum.answered === all ? `${plural(all, "was", "were")} answered` : `${sum.answered.toLocaleString("en")} of ${all.toLocaleString("en")} were answered`;
    const told = [answered];
    if (sum.taken) told.push(`${plural(sum.taken, "was", "were")} answered by somebody else meanwhile, or changed`);
    if (sum.failed) told.push(`${plural(sum.failed, "answer", "answers")} failed: ${why}`);
    const left = all - sum.answered - sum.taken - sum.failed;
    if (left) told.push(`${plural(left, "waits", "wait")} still: ${why}`);
    Aimylogic.told(`${told.join(". ")}.`, Boolean(sum.failed || left));
  };

  // Gives answers, a few at once. Right before, the server tells again which of the questions still are the same.
  const give = async (answers) => {
    const sum = { answered: 0, taken: 0, failed: 0 };
    let why = "";
    let over = false;
    for (let at = 0; at < answers.length && !over; at += CHUNK) {
      const chunk = answers.slice(at, at + CHUNK);
      let now;
      try {
        now = await planned(chunk);
      } catch (error) {
        why = error.message;
        break;
      }
      sum.taken += chunk.length - now.answers.length;
      const queue = [...now.answers];
      const work = async () => {
        while (queue.length && !over) {
          const [became, told] = await patch(queue.shift());
          if (told) why = told;
          if (became === "over") over = true;
          else sum[became] += 1;
          if (answers.length > CHUNK) Aimylogic.told(`${sum.answered.toLocaleString("en")} of ${answers.length.toLocaleString("en")} are answered …`);
        }
      };
      await Promise.all(Array.from({ length: AT_ONCE }, work));
    }
    return [answers, sum, why];
  };

  // Whoever answered by the keyboard goes on from the button, or from its group, or from what tells how many wait.
  const goOn = (button) => {
    const { kind, dag } = button.closest("section").dataset;
    const sections = [...list().querySelectorAll("section")];
    const group = sections.find(({ dataset }) => dataset.kind === kind && dataset.dag === dag);
    const there = button.isConnected && !button.disabled ? button : group?.querySelector("[data-all], summary");
    Aimylogic.refocus(there || document.getElementById("waiting-sum"));
  };

  // Asks the server what would be answered, tells it, and does it if that is confirmed.
  const answer = async (wanted, button) => {
    if (answering) return;
    answering = true;
    Aimylogic.hush();
    labelAll();
    try {
      const plan = await Aimylogic.send(`${list().dataset.root}/waiting/plan`, wanted);
      if (!plan.answers.length) {
        Aimylogic.told(plan.text || "This question waits no longer: load the page again", true);
        await Aimylogic.reload(list());
      } else if (await Aimylogic.confirmed(plan.title, plan.text, plan.yes)) {
        const end = await give(plan.answers);
        await Aimylogic.reload(list());
        await tellEnd(...end);
        Aimylogic.badges();
      }
    } catch (error) {
      Aimylogic.told(error.message, true);
    } finally {
      answering = false;
      labelAll();
      goOn(button);
    }
  };

  const byWay = (button) => {
    const group = button.closest("section");
    if (group.querySelector("[data-all]").checked) {
      const { kind, dag } = group.dataset;
      const shown = new URLSearchParams(location.search);
      const last = (name) => shown.getAll(name).at(-1) ?? ""; // as the server reads an address that names it twice
      const filter = { kind, dag, campaign: last("campaign"), text: last("text") };
      return { way: button.dataset.way, all_of: filter };
    }
    const boxes = [...group.querySelectorAll("[data-id]:checked")];
    return { way: button.dataset.way, chosen: boxes.map(({ dataset }) => ({ id: dataset.id, mark: dataset.mark })) };
  };

  const byOption = (button) => {
    const place = button.closest("[data-mark]");
    const job = button.parentElement.querySelector("[data-job]")?.value ?? "";
    return { chosen: [{ id: place.dataset.id, mark: place.dataset.mark, option: button.dataset.option, job }] };
  };

  // What is known of a question is loaded once somebody opens it.
  const open = async (details) => {
    const place = details.querySelector(".answer");
    try {
      const answer = await fetch(details.dataset.question, { headers: { "X-Aimylogic-Fragment": "1" } });
      if (answer.ok) {
        const text = await answer.text();
        if (place.shown === text) return; // whoever is among its buttons stays there
        place.innerHTML = place.shown = text;
        Aimylogic.times(place);
      } else {
        const { detail } = await answer.json().catch(() => ({}));
        place.textContent = detail || `Airflow answered ${answer.status}`;
      }
    } catch {
      place.textContent = "Airflow can't be reached";
    }
  };

  document.addEventListener("click", (event) => {
    const way = event.target.closest("button[data-way]");
    const option = event.target.closest("button[data-option]");
    if (way) answer(byWay(way), way);
    if (option) answer(byOption(option), option);
  });
  document.addEventListener("change", (event) => {
    const group = event.target.closest("section[data-kind]");
    if (!group || event.target.type !== "checkbox") return;
    const all = group.querySelector("[data-all]");
    const boxes = [...group.querySelectorAll("[data-id]")];
    if (event.target === all) for (const box of boxes) box.checked = all.checked;
    else if (!event.target.checked) all.checked = false;
    else all.checked = boxes.length === Number(group.dataset.total) && boxes.every((box) => box.checked);
    label(group);
  });
  // A phone that is looked for must not stand in an address, which servers log. Its end finds it as it is shown, masked.
  document.addEventListener("submit", ({ target }) => {
    const words = target.querySelector("input[name=text]");
    const digits = words?.value.replace(/\D/g, "") ?? "";
    if (digits.length > 9 && digits.length < 13 && /^[+\d\s()./-]+$/.test(words.value)) words.value = `***${digits.slice(-4)}`;
  });
  document.addEventListener("toggle", (event) => {
    if (event.target.matches?.("details[data-question][open]")) open(event.target);
  }, true);
})();
