// Buttons, keys and the mouse; the tables below the lanes; and the address, which can name a moment:
// run.html#t=12.5&span=0.2&group=1&play

const STORY_MAX = 60;
const SPAN_MIN = 1e3, SPAN_MAX = 120e6;

function start(model) {
  const view = { at: model.begin, span: Math.min(400e3, model.end - model.begin), group: "", beats: false, requests: true };
  let playing = null;

  function show() {
    drawOverview(model, view);
    drawLanes(model, view);
    showLogs(model, view);
    showStory(model, view, go);
    el("now").textContent = seconds(view.at);
    el("span").textContent = view.span >= 1e6 ? (view.span / 1e6).toPrecision(3) + " s" : (view.span / 1e3).toPrecision(3) + " ms";
    el("time").value = view.at;
  }
  function go(at) {
    view.at = Math.min(model.end, Math.max(model.begin, at));
    show();
  }
  function zoom(factor) {
    view.span = Math.min(SPAN_MAX, Math.max(SPAN_MIN, view.span * factor));
    show();
  }
  function play(on) {
    playing = on ? performance.now() : null;
    el("play").textContent = on ? "\u23f8 pause" : "\u25b6 play";
    if (on) requestAnimationFrame(frame);
  }
  function frame(now) {
    if (playing === null) return;
    const passed = Math.max(0, now - playing) * 1000 * Number(el("speed").value);
    playing = now;
    go(view.at + passed);
    if (view.at >= model.end) play(false); else requestAnimationFrame(frame);
  }
  function jump(step) {
    const moments = momentsOf(model, el("jump").value, view);
    const found = step > 0 ? moments.find(at => at > view.at + 0.5) : moments.findLast(at => at < view.at - 0.5);
    if (found !== undefined) go(found);
  }

  for (const group of model.groups) el("group").append(new Option(groupName(group), group));
  el("time").min = model.begin;
  el("time").max = model.end;
  el("time").oninput = event => go(Number(event.target.value));
  el("play").onclick = () => play(playing === null);
  el("closer").onclick = () => zoom(1 / 1.6);
  el("wider").onclick = () => zoom(1.6);
  el("next").onclick = () => jump(1);
  el("prev").onclick = () => jump(-1);
  el("group").onchange = event => { view.group = event.target.value === "" ? "" : Number(event.target.value); show(); };
  el("beats").onchange = event => { view.beats = event.target.checked; show(); };
  el("requests").onchange = event => { view.requests = event.target.checked; show(); };
  el("copy").onclick = () => navigator.clipboard?.writeText(model.trace.replay);
  el("overview").onclick = event => {
    const box = el("overview").getBoundingClientRect();
    const share = (event.clientX - box.left - LEFT) / (box.width - LEFT - 8);
    go(model.begin + share * (model.end - model.begin));
  };
  listenToLanes(view, go, zoom);
  document.onkeydown = event => {
    if (event.target.tagName === "SELECT" || event.target.id === "time") return;
    const act = {
      " ": () => play(playing === null), ArrowLeft: () => go(view.at - view.span / 20),
      ArrowRight: () => go(view.at + view.span / 20), "+": () => zoom(1 / 1.6), "-": () => zoom(1.6),
      n: () => jump(1), p: () => jump(-1),
    }[event.key];
    if (act) { event.preventDefault(); act(); }
  };
  window.onresize = show;
  matchMedia("(prefers-color-scheme: dark)").onchange = () => { readColours(); show(); };
  followAddress(model, view, go, play);
  window.onhashchange = () => followAddress(model, view, go, play);
}

// The moments that "jump to" goes through.
function momentsOf(model, what, view) {
  const ofGroup = mark => view.group === "" || mark[3] === undefined || mark[3] === view.group;
  if (what === "x") {
    return model.of.m.filter(m => (m[4] === -1 || m.brokenAt !== undefined) && partsShown(m[5], view).length).map(m => m[1]);
  }
  if (what === "q") return model.requests.filter(r => !r.outcome.startsWith("answered")).map(r => r.at);
  return model.landmarks.filter(mark => (what === "any" || mark[1] === what) && ofGroup(mark)).map(mark => mark[0]);
}

function followAddress(model, view, go, play) {
  const wish = new URLSearchParams(location.hash.slice(1));
  const number = (name, otherwise) => {
    const value = Number(wish.get(name) ?? NaN);
    return Number.isFinite(value) ? value : otherwise;
  };
  view.span = Math.min(SPAN_MAX, Math.max(SPAN_MIN, number("span", view.span / 1e6) * 1e6));
  const group = number("group", -1);
  if (model.groups.includes(group)) { view.group = group; el("group").value = group; }
  const firstElection = model.landmarks.find(mark => mark[1] === "l");
  const isShort = model.end - model.begin <= view.span;
  const begin = isShort ? (model.begin + model.end) / 2
    : model.trace.failure ? model.trace.failure.at_us : firstElection ? firstElection[0] : model.begin;
  go(wish.has("t") ? number("t", 0) * 1e6 : begin);
  if (wish.has("play")) play(true);
}

function listenToLanes(view, go, zoom) {
  const lanes = el("lanes"), tip = el("tip");
  let held = null;
  lanes.onpointerdown = event => { held = [event.clientX, view.at]; lanes.setPointerCapture(event.pointerId); };
  lanes.onpointerup = () => { held = null; };
  lanes.onpointerleave = () => { tip.hidden = true; };
  lanes.onpointermove = event => {
    if (held) return go(held[1] - (event.clientX - held[0]) / (lanes.clientWidth - LEFT) * view.span);
    const box = lanes.getBoundingClientRect(), x = event.clientX - box.left, y = event.clientY - box.top;
    const near = targets.map(([distance, text]) => [distance(x, y), text]).filter(t => t[0] < 6).sort((a, b) => a[0] - b[0]);
    tip.hidden = !near.length;
    if (!near.length) return;
    tip.textContent = near[0][1];
    tip.style.left = Math.min(event.clientX + 14, innerWidth - tip.offsetWidth - 8) + "px";
    tip.style.top = Math.min(event.clientY + 14, innerHeight - tip.offsetHeight - 8) + "px";
  };
  lanes.addEventListener("wheel", event => {
    event.preventDefault();
    zoom(event.deltaY > 0 ? 1.25 : 0.8);
  }, { passive: false });
}

// Each node's log per group: a bar up to the last entry, darker up to the commit, darkest up to what is applied.
function showLogs(model, view) {
  const groups = view.group === "" ? model.groups : [view.group];
  const states = model.of.n.length ? ["state"] : [];
  const rows = [["", ...states, ...groups.map(groupName)].map(name => "<th>" + name + "</th>").join("")];
  for (let node = 0; node < model.trace.nodes; node++) {
    const down = isDown(model, node, view.at);
    const cells = states.map(() => "<td>" + (down ? "down" : noteAt(model, node, view.at)) + "</td>");
    for (const group of groups) cells.push(logCell(model, node, group, view.at, down));
    rows.push("<th>" + nodeName(node) + (down ? " (down)" : "") + "</th>" + cells.join(""));
  }
  el("logs").innerHTML = "<table>" + rows.map(row => "<tr>" + row + "</tr>").join("") + "</table>";
}

function logCell(model, node, group, at, down) {
  const row = logAt(model, node, group, at);
  if (!row) return "<td></td>";
  if (down) return "<td class=off>down</td>";
  const [, , , , role, term, last, commit, applied] = row;
  let most = 1;
  for (let n = 0; n < model.trace.nodes; n++) most = Math.max(most, (logAt(model, n, group, at) ?? [])[6] ?? 0);
  const part = (tag, n) => "<" + tag + " style=\"width:" + (n / most * 100).toFixed(1) + "%\"></" + tag + ">";
  const name = { L: "leader", C: "candidate", F: "follower" }[role];
  return "<td title=\"last entry, committed, applied\"><span class=\"role " + role + "\">" + name + "</span> t" + term
    + "<br>" + last + " / " + commit + " / " + applied
    + "<div class=bar>" + part("u", last) + part("s", commit) + part("em", applied) + "</div></td>";
}

function showStory(model, view, go) {
  const marks = model.landmarks.filter(mark => view.group === "" || mark[3] === undefined || mark[3] === view.group);
  const end = firstFrom(marks, view.at + 1, 0);
  el("story").replaceChildren(...marks.slice(Math.max(0, end - STORY_MAX), end).reverse().map(([at, kind, text]) => {
    const line = document.createElement("li"), time = document.createElement("time");
    time.textContent = seconds(at);
    line.className = kind;
    line.append(time, text);
    line.onclick = () => go(at);
    return line;
  }));
}

function open() {
  const verdict = el("verdict");
  try {
    const trace = readTrace();
    el("title").textContent = trace.title;
    el("replay").textContent = trace.replay;
    const kept = trace.verdict ?? "All rules were kept.";
    verdict.textContent = trace.failure ? "Rule broken: " + trace.failure.text : kept;
    verdict.className = trace.failure ? "broken" : "kept";
    if (trace.dropped) {
      el("dropped").hidden = false;
      el("dropped").textContent = trace.dropped + " events are left out, to keep this page small: the oldest ones.";
    }
    document.querySelector("main").hidden = false;
    readColours();
    start(makeModel(trace));
  } catch (error) {
    verdict.className = "broken";
    verdict.textContent = "This trace cannot be shown: " + error.message;
    throw error;
  }
}
open();
