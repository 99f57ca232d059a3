// Shows what /_emulator/overview tells, once a second. What callers sent goes in by textContent alone.
"use strict";

const OWN = "/_emulator";
const PAUSE = 1000;
// What each status looks like, in the order in which a call job goes through them.
const KINDS = {
  planned: "calm", inProcess: "busy", onRetry: "wait",
  longCallWithResult: "good", longCallWithNoResult: "fair", noAnswer: "mute",
  nonexistentNumber: "bad", technicalError: "bad", notDone: "calm", cancelledByUser: "calm", canceled: "calm",
};
const ORDER = Object.keys(KINDS);
const CAMPAIGN_KINDS = { inProgress: "good", inProcess: "good", paused: "busy", finished: "bad", deleted: "bad" };
const PAGE = 50;
// What the choices of a fault are in words; those that the server names besides are shown as they are.
const PHASES = {
  before_read: "before it is read", before_commit: "before anything is changed", after_commit: "after it took effect",
  in_body: "in the middle of the answer", in_part: "when a list is added in part", committed_late: "first; it takes effect later",
};
const ACTIONS = {
  reset: "connection reset", close: "connection closed", delay: "it takes long", drip: "the answer drips",
  status: "an error status", garbage: "garbage", truncated: "half an answer", html: "a page of HTML",
  redirect: "a redirect", wrong_content_type: "a wrong content type", no_date: "no Date header",
};
const $ = (id) => document.getElementById(id);
let shown = null;
let since = null;
let turn = 0;
let next = null;
let quiet = null;
let asks = null;
let typed = null;
let choices = null;
// Which jobs are looked for: those from start on, counted from the newest that was there when the first page was left.
let wanted = { text: "", status: "", campaign: "", newest: "", start: 0 };

// Nodes are changed only where what they tell has changed, so that focus, scrolling and selection stay.
function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

function setClass(node, text) {
  if (node.className !== text) node.className = text;
}

function setHidden(node, hidden) {
  if (node.hidden !== hidden) node.hidden = hidden;
}

function element(tag, className = "") {
  const node = document.createElement(tag);
  if (className) node.className = className;
  return node;
}

// Gives a parent one child per item, in their order: known ones (by key) are updated, new ones made, others removed.
function fill(parent, items, make, update) {
  const wanted = new Set(items.map((item) => item.key));
  const known = new Map();
  for (const child of [...parent.children]) {
    if (wanted.has(child.dataset.key)) known.set(child.dataset.key, child);
    else child.remove();
  }
  let place = parent.firstElementChild;
  for (const item of items) {
    let child = known.get(item.key);
    if (child === undefined) {
      child = make(item);
      child.dataset.key = item.key;
    }
    update(child, item);
    if (child === place) place = place.nextElementSibling;
    else parent.insertBefore(child, place);
  }
}

// A cell: {text, className, title}, as a pill if it has a kind, with its day apart if it has a moment.
function makeRow({ cells }) {
  const row = element("tr");
  for (const cell of cells) {
    const node = element("td");
    if (cell.kind !== undefined) node.append(element("span"));
    if (cell.moment !== undefined) node.append(element("span", "day"), " ", element("span"));
    row.append(node);
  }
  return row;
}

function updateRow(row, { cells }) {
  cells.forEach((cell, index) => {
    const node = row.children[index];
    setClass(node, cell.className ?? "");
    if (node.title !== (cell.title ?? "")) node.title = cell.title ?? "";
    if (cell.moment !== undefined) {
      const [day, time] = moment(cell.moment).split(" ");
      setText(node.firstElementChild, day);
      setText(node.lastElementChild, time);
    } else if (cell.kind !== undefined) {
      setClass(node.firstElementChild, `status ${cell.kind}`);
      setText(node.firstElementChild, cell.text);
    } else setText(node, String(cell.text));
  });
}

function moment(seconds) {
  return new Date(seconds * 1000).toISOString().slice(0, 19).replace("T", " ");
}

function words(seconds) {
  let left = Math.round(Math.abs(seconds));
  if (left < 2) return "real time";
  const units = [["d", 86400], ["h", 3600], ["min", 60], ["s", 1]];
  const first = left >= 48 * 3600 ? 0 : left >= 3600 ? 1 : left >= 60 ? 2 : 3;
  const told = units.slice(first, first + 2);
  const smallest = told.at(-1)[1];
  left = Math.round(left / smallest) * smallest;
  const parts = [];
  for (const [name, length] of told) {
    const count = Math.floor(left / length);
    left -= count * length;
    if (count) parts.push(`${count.toLocaleString("en")} ${name}`);
  }
  return `${parts.join(" ")} ${seconds > 0 ? "ahead of" : "behind"} real time`;
}

function clockWords(clock) {
  const pace = clock.rate === 0 ? "stands still" : clock.rate === 1 ? "" : `runs at ${clock.rate.toLocaleString("en")}×`;
  return [words(clock.skew), pace].filter(Boolean).join(", ");
}

function counted(number, one) {
  return number === 1 ? `1 ${one}` : `${number.toLocaleString("en")} ${one}s`;
}

function amount(all, some) {
  if (all === 0) return "";
  return all > some ? `the last ${some} of ${all.toLocaleString("en")}` : all.toLocaleString("en");
}

function keyCell(key) {
  return { text: key ?? "–", className: key === null ? "none" : "text mono", title: key ?? "" };
}

function showClock(clock) {
  setText($("now"), moment(clock.now));
  setText($("skew"), clockWords(clock));
  setText($("rate"), clock.rate === 0 ? "run" : "stand still");
}

function makeCampaign() {
  const box = element("div", "campaign");
  const head = element("p", "called");
  const button = element("button");
  button.type = "button";
  head.append(element("span", "name"), " ", element("span"), " ", button);
  box.append(head, element("p", "facts"), element("div", "bar"), element("ul", "counts"));
  box.children[2].setAttribute("aria-hidden", "true");
  return box;
}

function updateCampaign(box, { campaign }) {
  const [head, facts, bar, counts] = box.children;
  setText(head.firstElementChild, campaign.name);
  const [, status, button] = head.children;
  setText(status, campaign.status);
  setClass(status, `status ${CAMPAIGN_KINDS[campaign.status] ?? "calm"}`);
  const rests = !["inProgress", "inProcess", "new", "planned"].includes(campaign.status);
  setText(button, rests ? "resume" : "pause");
  button.ariaLabel = `${rests ? "resume" : "pause"} ${campaign.name}`;
  button.onclick = () => act(
    (told) => `${told.name} is ${told.status}.`, "PATCH", `/campaigns/${campaign.number}`, { status: rests ? "inProgress" : "paused" },
  );
  const lines = counted(campaign.lines, "line");
  setText(facts, `campaign ${campaign.number} · token ${campaign.token} · ${lines} · ${counted(campaign.jobs, "call job")}`);
  const place = ([status]) => (ORDER.includes(status) ? ORDER.indexOf(status) : ORDER.length);
  const statuses = Object.entries(campaign.by_status)
    .sort((one, other) => place(one) - place(other))
    .map(([status, number]) => ({ key: status, status, number, kind: KINDS[status] ?? "calm" }));
  fill(bar, statuses, () => element("i"), (part, { number, kind }) => {
    setClass(part, kind);
    if (part.style.flexGrow !== String(number)) part.style.flexGrow = String(number);
  });
  fill(counts, statuses, () => element("li"), (pill, { status, number, kind }) => {
    setClass(pill, `status ${kind}`);
    setText(pill, `${status} ${number.toLocaleString("en")}`);
  });
}

function showCampaigns(campaigns) {
  const items = campaigns.map((campaign) => ({ key: String(campaign.number), campaign }));
  fill($("campaigns"), items, makeCampaign, updateCampaign);
}

// The choices of a select, whose first option stays.
function fillSelect(select, options) {
  const any = { key: "", text: "any" };
  fill(select, [any, ...options], () => element("option"), (option, { key, text }) => {
    if (option.value !== key) option.value = key;
    setText(option, text);
  });
}

function jobsCount({ found, jobs }, total) {
  if (total === 0) return "";
  const looked = wanted.text || wanted.status || wanted.campaign;
  const range = jobs.length === 0 ? "none" : `${(wanted.start + 1).toLocaleString("en")}–${(wanted.start + jobs.length).toLocaleString("en")}`;
  const all = looked ? `${found.toLocaleString("en")} found, of ${total.toLocaleString("en")}` : total.toLocaleString("en");
  return `${range} of ${all}`;
}

function showSearch({ found, jobs, campaigns }, total) {
  const statuses = new Set(campaigns.flatMap((campaign) => Object.keys(campaign.by_status)));
  if (wanted.status) statuses.add(wanted.status);
  const place = (status) => (ORDER.includes(status) ? ORDER.indexOf(status) : ORDER.length);
  fillSelect($("status"), [...statuses].sort((one, other) => place(one) - place(other)).map((status) => ({ key: status, text: status })));
  fillSelect($("campaign"), campaigns.map((campaign) => ({ key: String(campaign.number), text: campaign.name })));
  setHidden($("search"), total === 0);
  setHidden($("campaign").parentElement, campaigns.length < 2);
  $("first").disabled = $("newer").disabled = wanted.start === 0;
  $("older").disabled = wanted.start + jobs.length >= found;
}

function showJobs(overview) {
  const { jobs, campaigns } = overview;
  const names = new Map(campaigns.map((campaign) => [campaign.number, campaign.name]));
  const total = campaigns.reduce((sum, campaign) => sum + campaign.jobs, 0);
  setText($("jobs-count"), jobsCount(overview, total));
  showSearch(overview, total);
  setHidden($("jobs-empty"), total > 0);
  setHidden($("jobs-none"), total === 0 || jobs.length > 0);
  setHidden($("jobs-box"), jobs.length === 0);
  fill($("jobs"), jobs.map((job) => ({
    key: job.id,
    cells: [
      { text: job.id, className: job.test ? "mono test" : "mono", title: job.test ? "a test call" : "" },
      { text: job.phone },
      { text: job.status, kind: KINDS[job.status] ?? "calm" },
      { text: job.attempts, className: "number" },
      { moment: job.created },
      { text: names.get(job.campaign) ?? job.campaign, className: "text" },
      keyCell(job.key),
    ],
  })), makeRow, updateRow);
}

function showRequests(journal) {
  const all = Object.values(journal.counts).reduce((sum, count) => sum + count, 0);
  const held = journal.pending ? `, ${journal.pending} held back, or asking` : "";
  setText($("requests-count"), amount(all, journal.requests.length) + held);
  setHidden($("requests-empty"), all > 0);
  setHidden($("requests-box"), all === 0);
  const first = all - journal.requests.length;
  fill($("requests"), journal.requests.map((line, index) => ({
    key: String(first + index),
    cells: [
      { moment: line.at },
      { text: `${line.method} ${line.endpoint}`, className: "text mono", title: `${line.method} ${line.endpoint}` },
      { text: [line.outcome, line.reason].filter(Boolean).join(" "), kind: /^2\d\d$/.test(line.outcome) ? "good" : /^\d+$/.test(line.outcome) ? "bad" : "busy" },
      { text: line.phone || "–", className: line.phone ? "" : "none" },
      {
        text: line.numbers > 1 ? `${line.jobs[0]} and ${line.numbers - 1} more` : line.jobs[0] ?? "–",
        className: line.numbers ? "mono" : "none",
      },
      keyCell(line.key),
    ],
  })).reverse(), makeRow, updateRow);
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
  const dropped = faults.length === 0;
  if (dropped && document.activeElement === $("drop")) $("faults-title").focus();
  setHidden($("drop"), dropped);
  setHidden($("faults-empty"), !dropped);
  setHidden($("faults-box"), dropped);
  fill($("faults"), faults.map((rule) => ({
    key: String(rule.id),
    cells: [
      { text: rule.phase, className: "mono" },
      { text: [rule.action, rule.status, rule.seconds ? `${rule.seconds} s` : ""].filter(Boolean).join(" "), className: "mono" },
      { text: strikes(rule), className: "text", title: strikes(rule) },
      { text: rule.times === null ? `${rule.hits}` : `${rule.hits} of ${rule.times}`, kind: rule.hits ? "busy" : "calm" },
    ],
  })), makeRow, updateRow);
}

function tell(text, kind) {
  setClass($("connection"), `badge ${kind}`);
  setText($("connection"), text);
}

// A word on what a button did, for eyes and for screen readers.
function say(text, kind = "") {
  clearTimeout(quiet);
  setClass($("said"), `note ${kind}`.trim());
  setText($("said"), text);
  quiet = setTimeout(() => setText($("said"), ""), 5000);
}

async function ask(method, path, body) {
  const options = { method, signal: AbortSignal.timeout(5000) };
  if (body) Object.assign(options, { body: JSON.stringify(body), headers: { "Content-Type": "application/json" } });
  const answer = await fetch(OWN + path, options);
  const told = await answer.json();
  if (!answer.ok) throw new Error(told.error);
  return told;
}

function show(overview) {
  shown = overview;
  since = null;
  setHidden($("gone"), true);
  document.body.classList.remove("gone");
  tell("live", "good");
  showClock(shown.clock);
  showCampaigns(shown.campaigns);
  showJobs(shown);
  showRequests(shown.journal);
  showFaults(shown.faults);
}

function miss() {
  since ??= new Date();
  tell("the emulator can't be reached", "bad");
  const seen = shown === null ? "" : " What you see is what it told last.";
  setText($("gone"), `The emulator has not answered since ${since.toLocaleTimeString("en-GB")} (local time).${seen} It is asked again each second.`);
  setHidden($("gone"), false);
  document.body.classList.add("gone");
}

// Asks for the overview, and again a second later; of two answers under way only the later one counts.
async function refresh() {
  clearTimeout(next);
  const mine = ++turn;
  let overview = null;
  try {
    overview = await ask("GET", `/overview?${new URLSearchParams(Object.entries(wanted).filter(([, value]) => value))}`);
  } catch {
    // told below
  }
  if (mine !== turn) return;
  if (overview !== null && overview.jobs.length === 0 && wanted.start > 0) return look({}); // those are forgotten
  if (overview === null) miss();
  else show(overview);
  if (!document.hidden) next = setTimeout(refresh, PAUSE);
}

async function act(done, method, path, body) {
  try {
    const told = await ask(method, path, body);
    await refresh();
    say(done(told));
  } catch (error) {
    const refused = error instanceof TypeError || error.name === "TimeoutError" ? "the emulator did not answer" : error.message;
    say(`Not done: ${refused}.`, "bad");
    await refresh();
  }
}

// Looks for other jobs, from the newest on unless told otherwise.
function look(change) {
  wanted = { ...wanted, newest: "", start: 0, ...change };
  return refresh();
}

function turnTo(start) {
  $("jobs-box").scrollTop = 0;
  return look(start > 0 ? { start, newest: wanted.newest || shown.newest } : {});
}

function showOrder() {
  const able = choices?.actions[$("phase").value] ?? [];
  fill($("action"), able.map((action) => ({ key: action })), () => element("option"), (option, { key }) => {
    option.value = key;
    setText(option, ACTIONS[key] ?? key);
  });
  const action = $("action").value;
  const needs = { code: action === "status", seconds: ["delay", "drip"].includes(action), count: $("often").value !== "all" };
  for (const [name, needed] of Object.entries(needs)) {
    setHidden($(`${name}-label`), !needed);
    $(name).disabled = !needed; // what isn't asked for isn't checked, either
  }
  $("count").max = $("often").value === "chance" ? 100 : 1_000_000;
}

// The rule that the form describes.
function ordered() {
  const rule = { path: $("path").value, phase: $("phase").value, action: $("action").value, phone: $("struck").value.trim() };
  if (!$("code").disabled) rule.status = $("code").valueAsNumber;
  if (!$("seconds").disabled) rule.seconds = $("seconds").valueAsNumber;
  const count = $("count").valueAsNumber;
  const often = { next: { times: count }, nth: { nth: count }, every: { every: count }, chance: { probability: count / 100 }, all: { times: null } };
  return { ...rule, ...often[$("often").value] };
}

async function learnChoices() {
  choices = await ask("GET", "/faults/choices");
  for (const path of choices.paths) $("path").append(new Option(path, path));
  for (const phase of Object.keys(choices.actions)) $("phase").append(new Option(PHASES[phase] ?? phase, phase));
  $("path").value = "addPhone";
  $("phase").value = "after_commit";
  showOrder();
}

function calm() {
  clearTimeout(asks);
  asks = null;
  $("reset").classList.remove("asks");
  setText($("reset"), "Forget all");
}

const move = (change) => act((clock) => `The clock: ${clockWords(clock)}.`, "PATCH", "/clock", change);
for (const button of document.querySelectorAll("[data-advance]")) {
  button.addEventListener("click", () => move({ advance: Number(button.dataset.advance) }));
}
$("rate").addEventListener("click", () => move({ rate: shown?.clock.rate === 0 ? 1 : 0 }));
$("real").addEventListener("click", () => move({ rate: 1, skew: 0 }));
$("drop").addEventListener("click", () => act(() => "All faults are dropped.", "DELETE", "/faults"));
$("reset").addEventListener("click", (event) => {
  if (event.detail > 1) return; // the second half of a double click is no second thought
  if (asks !== null) {
    calm();
    act(() => "All is forgotten.", "POST", "/reset");
    return;
  }
  $("reset").classList.add("asks");
  setText($("reset"), "Really forget all jobs, keys, faults and requests?");
  asks = setTimeout(calm, 6000);
});
$("reset").addEventListener("blur", calm);
$("reset").addEventListener("keydown", (event) => event.key === "Escape" && calm());

$("search").addEventListener("submit", (event) => event.preventDefault());
$("text").addEventListener("input", () => {
  clearTimeout(typed);
  typed = setTimeout(() => look({ text: $("text").value.trim() }), 200);
});
$("status").addEventListener("change", () => look({ status: $("status").value }));
$("campaign").addEventListener("change", () => look({ campaign: $("campaign").value }));
$("first").addEventListener("click", () => turnTo(0));
$("newer").addEventListener("click", () => turnTo(wanted.start - PAGE));
$("older").addEventListener("click", () => turnTo(wanted.start + PAGE));
$("all").addEventListener("click", () => {
  $("search").reset();
  $("text").focus();
  look({ text: "", status: "", campaign: "" });
});
for (const name of ["phase", "action", "often"]) $(name).addEventListener("change", showOrder);
$("order").addEventListener("submit", (event) => {
  event.preventDefault();
  if (choices !== null) act(() => "The fault is ordered.", "POST", "/faults", ordered());
});

setText($("example"), `curl -X POST '${location.origin}/api/crmCalls/campaign/<TOKEN>/addPhone?phone=79123456789&name=Alex' -H 'Idempotence-Key: first'`);
document.addEventListener("visibilitychange", () => (document.hidden ? clearTimeout(next) : refresh()));
refresh();
learnChoices().catch(() => say("Not learned of what a fault can be made: load the page again.", "bad"));
