// What all pages do: times in the reader's zone, actions that are confirmed, parts that are loaded again, links to Airflow.
"use strict";
const Aimylogic = (() => {
  const hush = () => document.getElementById("told").classList.remove("shown");
  const told = (text, bad = false) => {
    const place = document.getElementById("told");
    document.getElementById("told-text").textContent = text;
    document.getElementById("told-close").onclick = hush;
    place.classList.toggle("bad", bad);
    place.classList.add("shown");
    clearTimeout(told.timer);
    if (!bad) told.timer = setTimeout(hush, 8000);
  };

  const times = (within) => {
    for (const time of within.querySelectorAll("time[datetime]:not([data-local])")) {
      const at = new Date(time.dateTime);
      time.dataset.local = "";
      time.title = time.textContent;
      time.textContent = at.toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
    }
  };

  // A question before something is done: the frame is sandboxed, and confirm() does nothing there. A dialog tells late
  // that it was closed: whoever asks anew at once waits for that, or would take it for the answer.
  let asked = Promise.resolve();
  const confirmed = (title, text, yes) => {
    asked = asked.then(
      () =>
        new Promise((resolve) => {
          const dialog = document.getElementById("ask");
          dialog.returnValue = "no";
          document.getElementById("ask-title").textContent = title;
          document.getElementById("ask-text").textContent = text;
          document.getElementById("ask-yes").textContent = yes;
          dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
          dialog.showModal();
        }),
    );
    return asked;
  };

  // Longest that is waited for an answer, and after how long the page says that it waits, in milliseconds.
  const MOST = 45000;
  const LONG = 5000;

  const csrf = () => document.querySelector("meta[name=aimylogic-csrf]").content;

  // A request that changes something. Returns the answer's JSON; throws an Error with what to tell.
  const send = async (url, body = {}, method = "POST") => {
    let isSlow = false;
    const slow = setTimeout(() => {
      isSlow = true;
      told("Airflow hasn't answered yet: it is waited for …");
      clearTimeout(told.timer);
    }, LONG);
    try {
      return await sent(url, body, method);
    } finally {
      clearTimeout(slow);
      if (isSlow) hush();
    }
  };
  const sent = async (url, body, method) => {
    let answer;
    try {
      answer = await fetch(url, {
        method,
        signal: AbortSignal.timeout(MOST),
        headers: { "Content-Type": "application/json", "X-Aimylogic-CSRF": csrf() },
        body: JSON.stringify(body),
      });
    } catch {
      throw new Error("Airflow gave no answer: whether it was done is not known. Look at the page again");
    }
    const content = await answer.json().catch(() => ({}));
    if (!answer.ok) {
      const detail = typeof content.detail === "string" ? content.detail : `Airflow answered ${answer.status}`;
      throw new Error(detail);
    }
    return content;
  };

  // Loads an element's content again, as the server has it now. By itself not while it is still being loaded (what is
  // slow isn't asked for twice), nor while somebody works in it, or began to while it was loaded.
  const loading = new Map();
  const reload = async (element, byItself = false) => {
    if (loading.has(element)) {
      if (byItself) return;
      await loading.get(element);
    }
    const done = load(element, byItself).finally(() => loading.delete(element));
    loading.set(element, done);
    await done;
  };

  const load = async (element, byItself) => {
    const url = element.dataset.refresh;
    element.dataset.asked = "";
    let answer;
    const slow = setTimeout(() => (element.dataset.stale = "Airflow hasn't answered yet: what is shown is older"), 2 * LONG);
    try {
      answer = await fetch(url, { headers: { "X-Aimylogic-Fragment": "1" }, signal: AbortSignal.timeout(MOST) });
    } catch {
      element.dataset.stale = "Airflow can't be reached: what is shown is older";
      return;
    } finally {
      clearTimeout(slow);
    }
    if (!answer.ok) {
      const content = await answer.json().catch(() => ({}));
      element.dataset.stale = content.detail || `Airflow answered ${answer.status}: what is shown is older`;
      return;
    }
    const text = await answer.text();
    if (byItself && busy(element)) return;
    delete element.dataset.stale;
    const open = [...element.querySelectorAll("details[open][id]")];
    const focused = element.contains(document.activeElement) ? document.activeElement : null;
    element.innerHTML = text;
    for (const before of open) openAgain(before);
    if (focused) standInFor(focused, element)?.focus({ preventScroll: true });
    times(element);
    element.dispatchEvent(new CustomEvent("aimylogic:loaded", { bubbles: true }));
    if (!element.querySelector("[data-live]")) element.dataset.over = "";
  };

  // What somebody opened stays open, with what was loaded into it.
  const openAgain = (before) => {
    const now = document.getElementById(before.id);
    if (!now) return;
    now.open = true;
    const loaded = before.querySelector(".answer");
    if (loaded) now.querySelector(".answer").replaceWith(loaded);
  };

  // What the keyboard goes on from: the same, what stands in its place, or what is opened around it.
  const TELLING = ["id", "href", "data-cancel", "aria-label"];
  const standInFor = (focused, within) => {
    if (focused.isConnected) return focused;
    for (const name of TELLING.filter((one) => focused.getAttribute(one))) {
      const alike = [...within.querySelectorAll(`${focused.localName}[${name}]`)];
      const found = alike.find((one) => one.getAttribute(name) === focused.getAttribute(name));
      if (found) return found;
    }
    const around = focused.closest("details[id]");
    return around && document.getElementById(around.id)?.querySelector("summary");
  };

  const busy = (element) =>
    document.hidden ||
    "outOfView" in element.dataset ||
    document.querySelector("dialog[open]") ||
    element.querySelector("input:checked, textarea:focus, input:focus, select:focus, details[open][data-question]");

  const live = () => {
    for (const element of document.querySelectorAll("[data-refresh][data-every]")) {
      setInterval(() => {
        if (!("over" in element.dataset) && !busy(element)) reload(element, true);
      }, 1000 * Number(element.dataset.every));
    }
  };

  // Parts that ask only while they are in view, or nearly: a page may have hundreds of them.
  const inView = () => {
    const seen = new IntersectionObserver(
      (entries) => {
        for (const { target, isIntersecting } of entries) {
          if (isIntersecting) delete target.dataset.outOfView;
          else target.dataset.outOfView = "";
          if (isIntersecting && !("asked" in target.dataset)) reload(target);
        }
      },
      { rootMargin: "100px" },
    );
    for (const element of document.querySelectorAll("[data-refresh][data-in-view]")) {
      element.dataset.outOfView = "";
      seen.observe(element);
    }
  };

  // Beneath this page's frame nothing may leave it; the page around it is Airflow's own, and may.
  const byPageAround = (link, download) => {
    if (window.parent === window) return false;
    const outside = window.parent.document.createElement("a");
    outside.href = link.href;
    if (download) outside.download = link.download || "";
    window.parent.document.body.append(outside);
    outside.click();
    outside.remove();
    return true;
  };

  // Whoever pressed a button by the keyboard goes on from it, or from what stands in its place.
  const refocus = (part, id) => {
    const now = document.activeElement;
    const isSomewhere = now && now !== document.body && !now.disabled && now.getClientRects().length > 0;
    if (isSomewhere) return;
    const again = id && document.getElementById(id);
    const there = again && !again.disabled ? again : part;
    if (there.tabIndex < 0) there.tabIndex = -1; // what is no button can be focused then, and isn't tabbed to
    there.focus({ preventScroll: true });
  };

  document.addEventListener("click", async (event) => {
    const link = event.target.closest("a.airflow, a[download]");
    if (link && byPageAround(link, link.hasAttribute("download"))) event.preventDefault();
    const button = event.target.closest("button[data-send]");
    if (!button) return;
    const { send: url, confirm, text, yes, body } = button.dataset;
    if (confirm && !(await confirmed(confirm, text || "", yes || button.textContent))) return;
    button.disabled = true;
    hush();
    try {
      const answer = await send(url, body ? JSON.parse(body) : {});
      told(answer.told || "Done");
    } catch (error) {
      told(error.message, true);
    } finally {
      button.disabled = false;
      const part = button.closest("[data-refresh]");
      if (part) {
        await reload(part);
        refocus(part, button.id);
      }
    }
  });

  // How many things wait for somebody, in the tab of their page.
  const badge = (link, count) => {
    link.querySelector(".badge")?.remove();
    if (count) link.append(Object.assign(document.createElement("span"), { className: "badge", textContent: count.toLocaleString("en") }));
  };
  const badges = async () => {
    for (const link of document.querySelectorAll("a[data-count]")) {
      const answer = await fetch(link.dataset.count).catch(() => null);
      const { count } = answer?.ok ? await answer.json().catch(() => ({})) : {};
      badge(link, count);
    }
  };
  // A list of them that was loaded anew tells it, too.
  document.addEventListener("aimylogic:loaded", ({ target }) => {
    const count = target.querySelector("[data-waiting]")?.dataset.waiting;
    if (count !== undefined) for (const link of document.querySelectorAll("a[data-count]")) badge(link, Number(count));
  });

  document.addEventListener("DOMContentLoaded", () => {
    times(document);
    badges();
    live();
    inView();
    for (const element of document.querySelectorAll("[data-refresh][data-now]")) reload(element);
  });
  return { badges, confirmed, hush, send, told, refocus, reload, times };
})();
