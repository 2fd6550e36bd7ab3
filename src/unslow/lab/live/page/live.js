// The page of `unslow live`: follows the events of the server and draws what is picked.
"use strict";

const CATEGORIES = ["database", "cache", "outgoing", "waiting", "python"];
const NAMES = { database: "Database", cache: "Cache", outgoing: "Outgoing", waiting: "Waiting", python: "Python" };
const SVG = "http://www.w3.org/2000/svg";
const MOST_ROWS = 500;

const $ = (id) => document.getElementById(id);
const requests = new Map(); // id -> row, oldest first
const open = new Map();
const details = new Map();
let findings = [];
let state = null;
let paused = false;
let following = true; // the latest request is shown until one is picked
let picked = null; // {kind: "request" | "finding", id}
let connected = false;

function h(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  fill(element, attributes, children);
  return element;
}

function s(name, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, name);
  fill(element, attributes, children);
  return element;
}

function fill(element, attributes, children) {
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false) element.setAttribute(key, value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
}

function number(value) {
  if (value >= 100) return Math.round(value).toLocaleString("en").replaceAll(",", "\u202f");
  if (value >= 10) return value.toFixed(1);
  return value >= 1 ? value.toFixed(1) : value.toFixed(2);
}

const ms = (value) => (value >= 10000 ? `${(value / 1000).toFixed(1)} s` : `${number(value)} ms`);
const count = (n, noun) => `${n.toLocaleString("en").replaceAll(",", "\u202f")} ${noun}${n === 1 ? "" : noun === "query" ? "" : "s"}`;
const queries = (n) => `${n} ${n === 1 ? "query" : "queries"}`;
const clock = (at) => new Date(at * 1000).toTimeString().slice(0, 8);
const swatch = (category) => h("span", { class: `swatch ${category}`, "aria-hidden": "true" });

function bytes(n) {
  if (n < 1000) return `${n} B`;
  return n < 1e6 ? `${(n / 1000).toFixed(1)} kB` : `${(n / 1e6).toFixed(1)} MB`;
}

function place(site, withCode = false) {
  const link = h("a", { class: "place mono", href: site.link, title: `Open ${site.text} in the editor` }, site.text);
  if (!withCode) return link;
  return [link, h("code", { class: "code", title: site.function }, site.code.length > 2 ? site.code : site.function.replace("<module>", ""))];
}

// ---- the lists ----

function matches(row) {
  const wanted = $("filter").value.toLowerCase().split(/\s+/).filter(Boolean);
  const text = `${row.method} ${row.path} ${row.route} ${row.status} ${row.error}`.toLowerCase();
  return wanted.every((word) => (word.startsWith("-") && word.length > 1 ? !text.includes(word.slice(1)) : text.includes(word)));
}

function status(code) {
  const kind = code >= 400 ? "bad" : code >= 300 ? "moved" : "";
  return h("span", { class: `status num ${kind}` }, String(code || "–"));
}

function mini(row, longest) {
  const whole = h("span", {});
  // The square root keeps a short request visible beside one that took seconds.
  whole.style.width = `${Math.max(1, Math.sqrt(row.ms / longest) * 100)}%`;
  for (const [position, category] of CATEGORIES.entries()) {
    if (row.split[position] > 0) {
      const part = h("i", { class: category });
      part.style.flex = `${row.split[position]} 0 0`;
      whole.append(part);
    }
  }
  return h("span", { class: "mini", "aria-hidden": "true" }, whole);
}

function requestRow(row, longest) {
  const again = row.repeated ? h("span", { class: "repeated", title: "the same query from the same line" }, `×${row.repeated}`) : null;
  const asked = h("span", { class: "num", title: queries(row.queries) }, again || (row.queries ? `${row.queries} q` : ""));
  const current = picked && picked.kind === "request" && picked.id === row.id;
  const link = h("a", { href: `#r/${encodeURIComponent(row.id)}`, "aria-current": current ? "true" : null },
    h("span", { class: "time" }, clock(row.at)),
    h("span", { class: "what", title: row.path }, h("b", {}, row.method), row.path),
    status(row.status), asked, h("span", { class: "num" }, ms(row.ms)), mini(row, longest));
  return h("li", { "data-id": row.id }, link);
}

function drawRequests() {
  const list = $("requests");
  const shown = [...requests.values()].filter(matches).sort((a, b) => b.at - a.at);
  const under = [...open.values()].filter((one) => matches({ ...one, route: "", status: "", error: "" })).reverse();
  const longest = Math.max(1, ...shown.map((row) => row.ms));
  const rows = under.map((one) =>
    h("li", { class: "open" }, h("span", { class: "time" }, clock(one.at)),
      h("span", { class: "what", title: one.path }, h("b", {}, one.method), one.path), h("span"), h("span"), h("span", { class: "num soft" }, "under way")));
  rows.push(...shown.map((row) => requestRow(row, longest)));
  keepFocus(list, () => list.replaceChildren(...(rows.length ? rows : [emptyRequests()])));
  $("count-requests").textContent = requests.size === shown.length ? shown.length : `${shown.length} of ${requests.size}`;
}

function emptyRequests() {
  const filtered = requests.size > 0;
  return h("li", { class: "none" }, h("p", {}, filtered ? "No request matches the filter." : "Waiting for a request. Use the application as always; what it does appears here."));
}

function drawFindings() {
  const rows = findings.map((found) => {
    const current = picked && picked.kind === "finding" && picked.id === found.key;
    return h("li", {}, h("a", { href: `#f/${found.key}`, "aria-current": current ? "true" : null },
      h("span", { class: "title" }, h("span", { class: `sev ${found.severity}`, title: `${found.severity} severity` }), found.title),
      h("span", { class: "num soft" }, found.ms ? ms(found.ms) : ""),
      h("span", { class: "where" }, h("code", {}, found.cause ? found.cause.text : found.endpoints[0] || ""), `  ${found.id}`)));
  });
  const none = h("li", { class: "none" }, h("p", {}, "No finding so far in what was seen."));
  const list = $("findings");
  keepFocus(list, () => list.replaceChildren(...(rows.length ? rows : [none])));
  $("count-findings").textContent = findings.length;
}

function keepFocus(list, draw) {
  const at = document.activeElement;
  const href = at && list.contains(at) ? at.getAttribute("href") : null;
  const top = list.scrollTop;
  draw();
  list.scrollTop = top;
  if (href) [...list.querySelectorAll("a")].find((link) => link.getAttribute("href") === href)?.focus({ preventScroll: true });
}

// ---- the detail ----

function drawDetail() {
  const detail = $("detail");
  if (!picked) return detail.replaceChildren(welcome());
  if (picked.kind === "finding") {
    const found = findings.find((one) => one.key === picked.id);
    return detail.replaceChildren(...(found ? findingDetail(found) : [gone("This finding is gone: the requests that showed it are no longer kept, or the code has changed.")]));
  }
  const known = details.get(picked.id);
  if (known) return detail.replaceChildren(...requestDetail(known));
  if (!requests.has(picked.id)) return detail.replaceChildren(gone("This request is no longer kept."));
  const id = picked.id;
  ask(`request/${encodeURIComponent(id)}`).then((answer) => {
    if (!answer) return;
    details.set(id, answer);
    if (details.size > 50) details.delete(details.keys().next().value);
    if (picked && picked.id === id) drawDetail();
  });
}

const gone = (text) => h("div", { class: "none" }, h("p", {}, text));

function welcome() {
  const command = state ? h("code", {}, state.command) : "";
  return h("div", { class: "none" }, h("p", {}, command), h("p", {}, "Pick a request to see where its time went."));
}

function requestDetail(detail) {
  const row = detail.row;
  const facts = [h("span", {}, `${row.status}`), h("span", {}, ms(row.ms)), h("span", {}, queries(row.queries)), h("span", {}, bytes(detail.bytes))];
  if (detail.content_type) facts.push(h("span", {}, detail.content_type));
  facts.push(h("span", {}, clock(row.at)));
  if (detail.view) facts.push(h("span", {}, place(detail.view)));
  const parts = [h("h2", {}, `${row.method} ${row.route}`), row.path.replace(/^\//, "") === row.route.replace(/^\//, "") ? null : h("p", { class: "sub mono" }, row.path), h("p", { class: "sub" }, facts)];
  if (row.error) parts.push(h("p", { class: "error mono" }, row.error));
  parts.push(...splitOf(row), ...related(row), ...waterfall(detail), ...samplesOf(detail));
  return parts.filter(Boolean);
}

function splitOf(row) {
  const bar = h("div", { class: "split", "aria-hidden": "true" });
  const list = h("dl", { class: "parts" });
  for (const [position, category] of CATEGORIES.entries()) {
    const value = row.split[position];
    if (value > 0) {
      const part = h("i", { class: category });
      part.style.flex = `${value} 0 0`;
      bar.append(part);
      list.append(h("div", {}, swatch(category), h("dt", {}, NAMES[category]), h("dd", {}, ms(value))));
    }
  }
  return [bar, list];
}

function related(row) {
  const endpoint = `${row.method} ${row.route}`;
  const ours = findings.filter((found) => found.endpoints.includes(endpoint));
  if (!ours.length) return [];
  const links = ours.map((found) => h("li", {}, h("a", { href: `#f/${found.key}` }, h("span", { class: `sev ${found.severity}` }), found.title, found.cause ? h("span", { class: "soft mono" }, `  ${found.cause.text}`) : null)));
  return [h("h3", {}, "Findings"), h("ul", { class: "links" }, links)];
}

function ticks(maximum) {
  const raw = Math.max(maximum, 0.001) / 5;
  const magnitude = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((one) => one * magnitude).find((one) => one >= raw);
  const found = [];
  for (let n = 0; n * step <= maximum; n += 1) found.push(Number((n * step).toPrecision(6)));
  return found;
}

function waterfall(detail) {
  if (!detail.lanes.length) return [];
  const end = Math.max(detail.row.ms, 0.001);
  const axis = s("svg", { "aria-hidden": "true" });
  for (const tick of ticks(end)) {
    const at = (tick / end) * 100;
    if (at > 78) continue; // the end of the axis has its own label
    axis.append(s("text", { x: `${at}%`, y: "12", "text-anchor": at < 2 ? "start" : "middle" }, `${tick}`));
  }
  axis.append(s("text", { x: "100%", y: "12", "text-anchor": "end" }, ms(end)));
  const lanes = h("ol", { class: "lanes" }, detail.lanes.map((lane) => laneOf(lane, end)));
  const hidden = detail.hidden ? h("p", { class: "sub" }, `and ${detail.hidden} shorter lines, ${ms(detail.hidden_ms)}`) : null;
  return [h("h3", {}, "Waterfall"), h("div", { class: "axis" }, h("span"), axis), lanes, hidden];
}

function laneOf(lane, end) {
  const chart = s("svg", { class: `chart${lane.repeated ? " again" : ""}`, viewBox: "0 0 1000 18", preserveAspectRatio: "none", "aria-hidden": "true" });
  for (const [start, length] of lane.bars) {
    const x = Math.min((start / end) * 1000, 998);
    chart.append(s("rect", { class: lane.category, x: x.toFixed(1), width: Math.max(2, Math.min((length / end) * 1000, 1000 - x)).toFixed(1), y: "4", height: "10" }));
  }
  const facts = [lane.database, lane.rows === null ? "" : count(lane.rows, "row"), lane.through && lane.place ? `through ${lane.through}` : "", lane.place ? `in ${lane.place.function}` : ""].filter(Boolean);
  const again = h("span", { class: `num ${lane.repeated ? "repeated" : "soft"}` }, lane.count > 1 && lane.category !== "python" ? `×${lane.count}` : "");
  const summary = h("summary", {}, swatch(lane.category), h("code", { class: "sql", title: lane.what }, lane.what.replaceAll('"', "")), again, h("span", { class: "num" }, ms(lane.ms)));
  const more = h("div", { class: "more" }, facts.join(" · "), lane.values ? h("pre", {}, lane.values) : null);
  const folded = h("details", { class: "lane" }, summary, more);
  const where = lane.place ? place(lane.place, true) : lane.through ? h("code", { class: "code" }, lane.through) : null;
  const left = h("div", { class: "lane" }, folded, where && h("div", { class: "site" }, where));
  return h("li", { "data-category": lane.category }, left, chart);
}

function samplesOf(detail) {
  if (!detail.samples.length) return [];
  const rows = detail.samples.map((one) => h("li", {}, h("span", { class: "num" }, `${Math.round(one.share * 100)} %`), place(one.place, true)));
  return [h("h3", {}, "Lines that Python worked at, by samples"), h("ul", { class: "samples" }, rows)];
}

function findingDetail(found) {
  const facts = h("dl", { class: "facts" },
    h("div", {}, h("dt", {}, "Takes"), h("dd", {}, `${ms(found.ms)} a request`)),
    h("div", {}, h("dt", {}, "Of all time seen"), h("dd", {}, `${Math.round(found.share * 100)} %`)),
    found.queries ? h("div", {}, h("dt", {}, "Queries a request"), h("dd", {}, `${found.queries}`)) : null,
    h("div", {}, h("dt", {}, "Rule"), h("dd", {}, found.id)),
    h("div", {}, h("dt", {}, "Confidence"), h("dd", {}, found.confidence)));
  const parts = [h("h2", {}, found.title), facts];
  if (found.cause) {
    parts.push(h("h3", {}, "Cause"), h("p", {}, place(found.cause), h("span", { class: "soft" }, ` in ${found.cause.function}`)));
    if (found.lines.length) parts.push(source(found.lines));
  }
  if (found.symptom) parts.push(h("h3", {}, "Shows at"), h("p", { class: "site" }, place(found.symptom), h("code", { class: "soft" }, `  ${found.symptom.code}`)));
  const edits = h("div", { id: "edits" });
  parts.push(edits, h("h3", {}, "Endpoints"), h("ul", { class: "links" }, found.endpoints.map((one) => h("li", { class: "mono" }, one))));
  ask(`finding/${found.key}`).then((answer) => drawEdits(edits, answer || []));
  return parts;
}

function source(lines) {
  return h("pre", { class: "source" }, lines.map((line) => h("span", { class: "row" }, h("span", { class: "n" }, String(line.number)),
    h("span", { class: line.marked ? "" : "dim" }, line.before, line.marked ? h("mark", {}, line.marked) : "", line.after))));
}

function drawEdits(box, suggestions) {
  for (const one of suggestions) {
    box.append(h("h3", {}, one.lines.length ? "Edit, not measured yet: unslow audit proves it" : "To do by hand"), h("p", {}, one.summary, h("span", { class: "soft" }, ` (${one.fixer})`)));
    if (one.lines.length) box.append(h("pre", { class: "source diff" }, one.lines.map((line) => h("span", { class: `row ${line.role}` }, line.text || " "))));
  }
}

async function ask(path) {
  try {
    const answer = await fetch(path);
    return answer.ok ? await answer.json() : null;
  } catch {
    return null;
  }
}

// ---- the head ----

function drawState() {
  if (!state) return;
  $("facts").textContent = [state.framework, state.database, state.python && `Python ${state.python}`].filter(Boolean).join(" · ") || state.command;
  $("facts").title = `${state.command}\n${state.root}`;
  const box = $("state");
  box.className = !connected ? "lost" : state.processes ? "live" : "";
  const trouble = state.errors.length ? `, the recorder failed ${state.errors.length} times` : "";
  box.title = [...state.errors, state.analysing].filter(Boolean).join("\n");
  box.textContent = !connected ? "Ended" : !state.processes ? (state.starts ? "Stopped" : "Starting") : `${count(state.served, "request")} in ${state.processes} process${state.processes === 1 ? "" : "es"}${trouble}`;
  document.title = connected ? "unslow live" : "unslow live (ended)";
}

// ---- events ----

let drawing = false;
function redraw(...what) {
  for (const one of what) dirty.add(one);
  if (drawing) return;
  drawing = true;
  requestAnimationFrame(() => {
    drawing = false;
    const now = new Set(dirty);
    dirty.clear();
    if (now.has("state")) drawState();
    if (now.has("requests") && !paused) drawRequests();
    if (now.has("findings")) drawFindings();
    if (now.has("detail")) drawDetail();
    document.body.dataset.drawn = String(Number(document.body.dataset.drawn || 0) + 1);
  });
}
const dirty = new Set();

function connect() {
  const source = new EventSource("events");
  const on = (kind, act) => source.addEventListener(kind, (event) => act(JSON.parse(event.data)));
  source.onopen = () => { connected = true; redraw("state"); };
  source.onerror = () => { connected = false; redraw("state"); };
  on("snapshot", (all) => {
    requests.clear(); open.clear(); details.clear();
    for (const row of all.rows) requests.set(row.id, row);
    for (const one of all.open) open.set(one.id, one);
    state = all.state; findings = all.findings;
    if (following && requests.size) follow();
    redraw("state", "requests", "findings", "detail");
  });
  on("begun", (one) => { open.set(one.id, one); redraw("requests"); });
  on("request", (row) => {
    if (state) state.served += 1;
    open.delete(row.id); details.delete(row.id);
    requests.delete(row.id); requests.set(row.id, row);
    if (requests.size > MOST_ROWS) requests.delete(requests.keys().next().value);
    if (following && !paused && matches(row)) { follow(); redraw("detail"); }
    redraw("requests", "state");
  });
  on("findings", (all) => { findings = all; redraw("findings", "detail"); });
  on("state", (now) => { state = now; redraw("state"); });
}

function follow() {
  const latest = [...requests.values()].filter(matches).reduce((a, b) => (a && a.at > b.at ? a : b), null);
  picked = latest ? { kind: "request", id: latest.id } : null;
}

function pickFromAddress() {
  const [, kind, id] = location.hash.match(/^#(r|f)\/(.+)$/) || [];
  if (!kind) return;
  following = false;
  picked = { kind: kind === "r" ? "request" : "finding", id: decodeURIComponent(id) };
  if (kind === "f") show("findings");
  redraw("requests", "findings", "detail");
  $("detail").scrollTop = 0;
}

function show(name) {
  for (const one of ["requests", "findings"]) {
    $(one).hidden = one !== name;
    $(`tab-${one}`).setAttribute("aria-selected", String(one === name));
    $(`tab-${one}`).tabIndex = one === name ? 0 : -1;
  }
}

function step(by) {
  const list = $("requests").hidden ? $("findings") : $("requests");
  const links = [...list.querySelectorAll("a")];
  if (!links.length) return;
  const at = links.findIndex((link) => link.getAttribute("aria-current") === "true");
  const next = links[Math.min(Math.max(at + by, 0), links.length - 1)];
  next.focus();
  next.click();
}

const KEYS = {
  j: () => step(1), ArrowDown: () => step(1), k: () => step(-1), ArrowUp: () => step(-1),
  1: () => show("requests"), 2: () => show("findings"),
  o: () => $("detail").querySelector("a.place")?.click(),
  "/": () => $("filter").focus(), p: () => $("pause").click(), c: () => $("clear").click(),
  "?": () => $("help").showModal(),
  Escape: () => { following = true; history.replaceState(null, "", "#"); follow(); show("requests"); redraw("requests", "findings", "detail"); },
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || $("help").open) return;
  if (event.target === $("filter")) {
    if (event.key === "Escape") { $("filter").value = ""; $("filter").blur(); redraw("requests"); }
    return;
  }
  if (event.target.closest("#detail") && event.key.startsWith("Arrow")) return;
  if (event.target.closest('[role="tablist"]') && /^Arrow(Left|Right)$/.test(event.key)) {
    show($("requests").hidden ? "requests" : "findings");
    document.querySelector('[role="tab"][aria-selected="true"]').focus();
    return;
  }
  const act = KEYS[event.key];
  if (act) { event.preventDefault(); act(); }
});

$("filter").addEventListener("input", () => redraw("requests"));
$("pause").addEventListener("click", () => {
  paused = !paused;
  $("pause").setAttribute("aria-pressed", String(paused));
  $("pause").textContent = paused ? "Go on" : "Pause";
  redraw("requests");
});
$("clear").addEventListener("click", () => { following = true; picked = null; history.replaceState(null, "", "#"); fetch("forget", { method: "POST" }); });
$("help-button").addEventListener("click", () => $("help").showModal());
$("tab-requests").addEventListener("click", () => show("requests"));
$("tab-findings").addEventListener("click", () => show("findings"));
$("legend").append(...CATEGORIES.map((category) => h("li", {}, swatch(category), NAMES[category])), h("li", {}, h("span", { class: "swatch legend-repeated" }), "Repeated"));
window.addEventListener("hashchange", pickFromAddress);
pickFromAddress();
redraw("requests", "findings", "detail");
connect();
