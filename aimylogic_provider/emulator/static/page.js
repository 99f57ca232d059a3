// Shows what /_emulator/overview tells, once a second. What callers sent goes in by textContent alone.
"use strict";

const OWN = "/_emulator";
const KINDS = {
  inProcess: "busy", onRetry: "busy", planned: "",
  longCallWithResult: "good", longCallWithNoResult: "good", noAnswer: "",
  inProgress: "good", paused: "busy", finished: "bad", deleted: "bad",
};
const $ = (id) => document.getElementById(id);
let shown = null;
let asks = null;

function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

function element(tag, className, text) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  return node;
}

function pill(text, kind) {
  return element("span", `status ${kind ?? KINDS[text] ?? "bad"}`.trim(), text);
}

function moment(seconds) {
  return new Date(seconds * 1000).toISOString().slice(0, 19).replace("T", " ");
}

function words(seconds) {
  const size = Math.abs(seconds);
  if (size < 2) return "real time";
  const units = [["d", 86400], ["h", 3600], ["min", 60], ["s", 1]];
  const first = size >= 48 * 3600 ? 0 : size >= 3600 ? 1 : size >= 60 ? 2 : 3;
  let left = Math.round(size);
  const parts = [];
  for (const [name, length] of units.slice(first, first + 2)) {
    const count = Math.floor(left / length);
    left -= count * length;
    if (count) parts.push(`${count} ${name}`);
  }
  return `${parts.join(" ")} ${seconds > 0 ? "ahead of" : "behind"} real time`;
}

function amount(all, some) {
  if (all === 0) return "";
  return all > some ? `the last ${some} of ${all.toLocaleString("en")}` : all.toLocaleString("en");
}

// Rows keep their nodes while what they tell is the same, so that focus, scrolling and selection stay.
function fill(body, rows) {
  const old = new Map([...body.children].map((row) => [row.dataset.key, row]));
  let place = body.firstChild;
  for (const { key, tell, cells } of rows) {
    let row = old.get(key);
    if (row) old.delete(key);
    else {
      row = element("tr");
      row.dataset.key = key;
    }
    if (row.dataset.tell !== tell) {
      row.dataset.tell = tell;
      row.replaceChildren(...cells.map((cell) => {
        const node = element("td", cell.className);
        if (cell.title) node.title = cell.title;
        node.append(cell.node ?? String(cell.text ?? cell));
        return node;
      }));
    }
    if (row === place) place = place.nextSibling;
    else body.insertBefore(row, place);
  }
  for (const row of old.values()) row.remove();
}

function keyCell(key) {
  return { text: key ?? "–", className: "text mono", title: key ?? "" };
}

function showClock(clock) {
  setText($("now"), moment(clock.now));
  const pace = clock.rate === 0 ? "stands still" : clock.rate === 1 ? "" : `runs at ${clock.rate}×`;
  setText($("skew"), [words(clock.skew), pace].filter(Boolean).join(", "));
  setText($("rate"), clock.rate === 0 ? "run" : "stand still");
}

function showCampaigns(campaigns) {
  const tell = JSON.stringify(campaigns);
  if ($("campaigns").dataset.tell === tell) return;
  $("campaigns").dataset.tell = tell;
  $("campaigns").replaceChildren(...campaigns.map((campaign) => {
    const box = element("div", "campaign");
    const head = element("div");
    head.append(element("span", "name", campaign.name), " ", pill(campaign.status));
    const lines = campaign.lines === 1 ? "1 line" : `${campaign.lines.toLocaleString("en")} lines`;
    const jobs = campaign.jobs === 1 ? "1 call job" : `${campaign.jobs.toLocaleString("en")} call jobs`;
    const counts = element("div", "counts");
    for (const [status, number] of Object.entries(campaign.by_status)) {
      counts.append(pill(`${status} ${number.toLocaleString("en")}`, KINDS[status] ?? "bad"));
    }
    box.append(head, element("div", "facts", `campaign ${campaign.number} · token ${campaign.token} · ${lines} · ${jobs}`), counts);
    return box;
  }));
}

function showJobs(jobs, campaigns) {
  const names = new Map(campaigns.map((campaign) => [campaign.number, campaign.name]));
  const total = campaigns.reduce((sum, campaign) => sum + campaign.jobs, 0);
  setText($("jobs-count"), amount(total, jobs.length));
  $("jobs-empty").hidden = jobs.length > 0;
  $("jobs-box").hidden = jobs.length === 0;
  fill($("jobs"), jobs.map((job) => ({
    key: job.id,
    tell: JSON.stringify([job, names.get(job.campaign)]),
    cells: [
      { text: job.id, className: "mono" },
      job.phone,
      { node: pill(job.status) },
      job.attempts,
      moment(job.created),
      { text: names.get(job.campaign) ?? job.campaign, className: "text" },
      job.test ? "test call" : keyCell(job.key),
    ],
  })));
}

function showRequests(journal) {
  const all = Object.values(journal.counts).reduce((sum, count) => sum + count, 0);
  const held = journal.pending ? `, ${journal.pending} held back by a fault` : "";
  setText($("requests-count"), amount(all, journal.requests.length) + held);
  $("requests-empty").hidden = all > 0;
  $("requests-box").hidden = all === 0;
  const first = all - journal.requests.length;
  fill($("requests"), journal.requests.map((line, index) => ({
    key: String(first + index),
    tell: JSON.stringify(line),
    cells: [
      moment(line.at),
      { text: `${line.method} ${line.endpoint}`, className: "text mono", title: `${line.method} ${line.endpoint}` },
      line.phone || "–",
      { node: pill(line.outcome, line.outcome === "200" ? "good" : /^\d+$/.test(line.outcome) ? "bad" : "busy") },
      line.numbers > 1 ? `${line.jobs[0]} and ${line.numbers - 1} more` : line.jobs[0] ?? "–",
      keyCell(line.key),
    ],
  })).reverse());
}

function strikes(rule) {
  const parts = [[rule.method, rule.path || "any endpoint"].filter(Boolean).join(" ")];
  if (rule.phone) parts.push(`phone ${rule.phone}`);
  if (rule.key) parts.push(`key ${rule.key}`);
  if (rule.nth) parts.push(`number ${rule.nth} of them`);
  if (rule.every) parts.push(`one in ${rule.every}`);
  if (rule.probability) parts.push(`probability ${rule.probability}`);
  return parts.join(", ");
}

function showFaults(faults) {
  $("drop").hidden = faults.length === 0;
  $("faults-empty").hidden = faults.length > 0;
  $("faults-box").hidden = faults.length === 0;
  fill($("faults"), faults.map((rule) => ({
    key: String(rule.id),
    tell: JSON.stringify(rule),
    cells: [
      rule.phase,
      rule.status ? `${rule.action} ${rule.status}` : rule.action,
      { text: strikes(rule), className: "text" },
      rule.times === null ? `${rule.hits}` : `${rule.hits} of ${rule.times}`,
    ],
  })));
}

function tell(text, kind) {
  $("connection").className = `badge ${kind}`;
  setText($("connection"), text);
  document.body.classList.toggle("gone", kind === "bad");
}

async function ask(method, path, body) {
  const options = { method, signal: AbortSignal.timeout(5000) };
  if (body) Object.assign(options, { body: JSON.stringify(body), headers: { "Content-Type": "application/json" } });
  const answer = await fetch(OWN + path, options);
  if (!answer.ok) throw new Error((await answer.json()).error);
  return answer.json();
}

async function refresh() {
  try {
    shown = await ask("GET", "/overview");
  } catch {
    tell("the emulator can't be reached", "bad");
    return;
  }
  tell("live", "good");
  showClock(shown.clock);
  showCampaigns(shown.campaigns);
  showJobs(shown.jobs, shown.campaigns);
  showRequests(shown.journal);
  showFaults(shown.faults);
}

async function act(method, path, body) {
  try {
    await ask(method, path, body);
  } catch (error) {
    tell(error.message, "bad");
    return;
  }
  await refresh();
}

function calm() {
  clearTimeout(asks);
  asks = null;
  $("reset").classList.remove("asks");
  setText($("reset"), "Forget all");
}

for (const button of document.querySelectorAll("[data-advance]")) {
  button.addEventListener("click", () => act("PATCH", "/clock", { advance: Number(button.dataset.advance) }));
}
$("rate").addEventListener("click", () => act("PATCH", "/clock", { rate: shown?.clock.rate === 0 ? 1 : 0 }));
$("real").addEventListener("click", () => act("PATCH", "/clock", { rate: 1, skew: 0 }));
$("drop").addEventListener("click", () => act("DELETE", "/faults"));
$("reset").addEventListener("click", () => {
  if (asks !== null) {
    calm();
    act("POST", "/reset");
    return;
  }
  $("reset").classList.add("asks");
  setText($("reset"), "Really forget all jobs, keys, faults and requests?");
  asks = setTimeout(calm, 6000);
});

setText($("example"), `curl -X POST '${location.origin}/api/crmCalls/campaign/<TOKEN>/addPhone?phone=79123456789&name=Alex' -H 'Idempotence-Key: first'`);
document.addEventListener("visibilitychange", () => document.hidden || refresh());
refresh();
setInterval(() => document.hidden || refresh(), 1000);
