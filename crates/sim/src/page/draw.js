// The canvases: the whole run above, the lanes around the present moment below.

const LEFT = 92, STRIKE_HEIGHT = 17, STRIKE_ROWS = 3, NODE_HEIGHT = 92, CLIENT_HEIGHT = 19;
const MESSAGES_MAX = 3000;
const CLEAR_LABEL_PX = 46;
const FONT = "12px system-ui, 'DejaVu Sans', sans-serif";

const ink = name => getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim();
let colours = {};
function readColours() {
  for (const name of ["back", "ink", "soft", "rule", "panel", "append", "reply", "vote", "snapshot", "forward", "beat",
    "lost", "held", "star", "down", "paused", "cut", "ok", "refused", "unknown", "fault"]) colours[name] = ink(name);
}

// One colour per group, the same everywhere.
const groupColour = group => "hsl(" + (group * 137.5 + 150) % 360 + " 55% 48%)";

function prepare(canvas, height) {
  const ratio = window.devicePixelRatio || 1, width = canvas.clientWidth;
  canvas.style.height = height + "px";
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
  }
  const pen = canvas.getContext("2d");
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, width, height);
  pen.font = FONT;
  pen.textBaseline = "middle";
  return { pen, width, height };
}

function hatch(pen, x, y, w, h, colour) {
  pen.save();
  pen.beginPath();
  pen.rect(x, y, w, h);
  pen.clip();
  pen.globalAlpha = 0.16;
  pen.fillStyle = colour;
  pen.fillRect(x, y, w, h);
  pen.globalAlpha = 0.55;
  pen.strokeStyle = colour;
  pen.lineWidth = 1;
  pen.beginPath();
  for (let at = x - h - (x - h) % 9; at < x + w; at += 9) { pen.moveTo(at, y + h); pen.lineTo(at + h, y); }
  pen.stroke();
  pen.restore();
}

function drawOverview(model, view) {
  const { pen, width, height } = prepare(el("overview"), 56);
  const all = Math.max(1, model.end - model.begin), nodes = model.trace.nodes;
  const X = us => LEFT + (us - model.begin) / all * (width - LEFT - 8);
  const lane = (height - 16) / nodes;
  pen.fillStyle = colours.soft;
  pen.fillText("whole run", 8, height / 2);
  for (const [number, at, , , until] of model.trace.strikes) {
    pen.fillStyle = colours.fault;
    pen.globalAlpha = 0.4;
    if (at > 0) pen.fillRect(X(at), 1, Math.max(1, X(until ?? at) - X(at)), 5);
  }
  pen.globalAlpha = 1;
  for (const [from, to, node] of model.down) {
    pen.fillStyle = colours.down;
    pen.fillRect(X(from), 9 + node * lane, Math.max(1, X(to) - X(from)), Math.max(2, lane - 2));
  }
  for (const [from, to, node] of model.paused) {
    pen.fillStyle = colours.paused;
    pen.fillRect(X(from), 9 + node * lane, Math.max(1, X(to) - X(from)), Math.max(2, lane - 2));
  }
  pen.fillStyle = colours.star;
  for (const [, at, node] of model.of.l) pen.fillRect(X(at), 9 + node * lane, 1.5, Math.max(2, lane - 2));
  if (model.trace.failure) {
    pen.fillStyle = colours.lost;
    pen.fillRect(X(model.trace.failure.at_us) - 1, 0, 3, height);
  }
  const from = X(view.at - view.span / 2), to = X(view.at + view.span / 2);
  pen.strokeStyle = colours.ink;
  pen.lineWidth = 1.5;
  pen.strokeRect(Math.max(LEFT, from), 1, Math.max(3, Math.min(width - 2, to) - Math.max(LEFT, from)), height - 2);
}

// Everything in the lanes that can be pointed at: [distance(x, y), text].
let targets = [];
const boxTarget = (x, y, w, h, text) => targets.push([(px, py) =>
  px >= x && px <= x + Math.max(3, w) && py >= y && py <= y + h ? 3 : 99, text]);
const lineTarget = (x1, y1, x2, y2, text) => targets.push([(px, py) => {
  const dx = x2 - x1, dy = y2 - y1, length = dx * dx + dy * dy || 1;
  const k = Math.max(0, Math.min(1, ((px - x1) * dx + (py - y1) * dy) / length));
  return Math.hypot(px - x1 - k * dx, py - y1 - k * dy);
}, text]);

function drawLanes(model, view) {
  const nodes = model.trace.nodes, top = 24 + STRIKE_ROWS * STRIKE_HEIGHT;
  const clients = view.requests ? model.trace.clients : 0;
  const clientTop = top + nodes * NODE_HEIGHT + 10;
  const canvas = prepare(el("lanes"), clientTop + clients * CLIENT_HEIGHT + 8);
  const from = view.at - view.span / 2, to = view.at + view.span / 2;
  const scene = {
    ...canvas, model, view, from, to, top, clientTop, clients,
    X: us => LEFT + (us - from) / view.span * (canvas.width - LEFT - 10),
    Y: node => top + node * NODE_HEIGHT + 52,
  };
  targets = [];
  drawScale(scene);
  drawStrikes(scene);
  for (let node = 0; node < nodes; node++) drawNode(scene, node);
  drawCuts(scene);
  const crowded = drawMessages(scene);
  drawElections(scene);
  drawNotes(scene);
  drawRequests(scene);
  drawMargin(scene);
  el("crowded").hidden = !crowded;
  el("crowded").textContent = crowded
    ? "Only " + MESSAGES_MAX + " of " + crowded + " messages are drawn: zoom in or choose a group to see all." : "";
}

// Periods that touch the window, cut to it.
const inWindow = (scene, rows) => rows.filter(row => row[1] >= scene.from && row[0] <= scene.to)
  .map(row => [Math.max(row[0], scene.from), Math.min(row[1], scene.to), ...row.slice(2)]);

function drawScale({ pen, X, from, to, view, height, width }) {
  const steps = [1e2, 2e2, 5e2, 1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5, 2e5, 5e5, 1e6, 2e6, 5e6, 1e7, 3e7, 6e7];
  const step = steps.find(s => (width - LEFT) * s / view.span > 90) ?? view.span;
  pen.strokeStyle = colours.rule;
  pen.fillStyle = colours.soft;
  pen.lineWidth = 1;
  pen.textAlign = "center";
  for (let at = Math.ceil(Math.max(0, from) / step) * step; at <= to; at += step) {
    pen.beginPath();
    pen.moveTo(X(at), 18);
    pen.lineTo(X(at), height);
    pen.stroke();
    const digits = step >= 1e6 ? 0 : step >= 1e5 ? 1 : step >= 1e4 ? 2 : step >= 1e3 ? 3 : 4;
    if (X(at) > LEFT + 14 && X(at) < width - 20) pen.fillText((at / 1e6).toFixed(digits) + " s", X(at), 9);
  }
  pen.textAlign = "left";
}

function drawStrikes(scene) {
  const { pen, X, from, to, model } = scene;
  const ends = Array(STRIKE_ROWS).fill(-Infinity);
  for (const [number, at, kind, whom, until] of model.trace.strikes) {
    const end = Math.min(until ?? at, model.end);
    if (at === 0 || end < from - scene.view.span / 4 || at > to) continue;
    const label = "#" + number + " " + kind + ": " + whom;
    const x = Math.max(X(at), LEFT), w = Math.max(3, X(end) - x);
    let row = ends.findIndex(taken => taken <= x);
    if (row < 0) row = ends.indexOf(Math.min(...ends));
    ends[row] = x + Math.max(w, pen.measureText(label).width + 10);
    const y = 22 + row * STRIKE_HEIGHT;
    if (end >= from) {
      pen.fillStyle = colours.fault;
      pen.globalAlpha = 0.22;
      pen.fillRect(x, y, w, STRIKE_HEIGHT - 2);
      pen.globalAlpha = 1;
      pen.fillRect(x, y, 3, STRIKE_HEIGHT - 2);
    }
    pen.fillStyle = colours.fault;
    pen.fillText(label, x + 6, y + STRIKE_HEIGHT / 2 - 1);
    boxTarget(x, y, Math.max(w, 60), STRIKE_HEIGHT, label + "\n" + seconds(at)
      + (until == null ? "" : " to " + seconds(until)));
  }
}

function drawNode(scene, node) {
  const { pen, X, Y, model, from, to, view } = scene;
  const top = scene.top + node * NODE_HEIGHT, x0 = Math.max(LEFT, X(Math.max(from, model.begin)));
  pen.strokeStyle = colours.soft;
  pen.lineWidth = 1.5;
  pen.beginPath();
  pen.moveTo(x0, Y(node));
  pen.lineTo(X(Math.min(to, model.end)), Y(node));
  pen.stroke();
  const shown = view.group === "" ? model.groups : [view.group];
  const strip = Math.max(2, Math.min(12, 30 / shown.length));
  for (const [a, b, of, group, role, term] of inWindow(scene, model.roles)) {
    const at = shown.indexOf(group);
    if (of !== node || at < 0) continue;
    const y = top + 4 + at * strip, w = Math.max(1.5, X(b) - X(a));
    pen.fillStyle = role === "L" ? (view.group === "" ? groupColour(group) : colours.star) : colours.vote;
    pen.fillRect(X(a), y, w, strip - (strip > 3 ? 1 : 0.4));
    boxTarget(X(a), y, w, strip, nodeName(node) + (role === "L" ? " leads " : " stands for election in ")
      + groupName(group) + ", term " + term);
    if (w > CLEAR_LABEL_PX && role === "L") {
      const size = Math.min(11, strip + 1), text = strip >= 11 ? "leads, term " + term : groupName(group) + " t" + term;
      if (size < 6) continue;
      pen.font = "600 " + size + "px system-ui, 'DejaVu Sans', sans-serif";
      pen.fillStyle = colours.back;
      pen.fillText(text, X(a) + 5, y + strip / 2);
      pen.font = FONT;
    }
  }
  for (const [a, b, of, why] of inWindow(scene, model.down)) {
    if (of === node) band(scene, a, b, top, colours.down, "down" + (why ? ": " + why : ""));
  }
  for (const [a, b, of] of inWindow(scene, model.paused)) {
    if (of === node) band(scene, a, b, top, colours.paused, "paused");
  }
}

function band({ pen, X }, a, b, top, colour, label) {
  const w = Math.max(2, X(b) - X(a));
  hatch(pen, X(a), top + 2, w, NODE_HEIGHT - 6, colour);
  boxTarget(X(a), top + 36, w, NODE_HEIGHT - 42, label);
  if (w > pen.measureText(label).width + 12) {
    pen.fillStyle = colours.back;
    pen.fillRect(X(a) + 4, top + 62, pen.measureText(label).width + 8, 16);
    pen.fillStyle = colour;
    pen.fillText(label, X(a) + 8, top + 70);
  }
}

// A violet bar under a node's lane while it is not heard: one per direction that is silent.
function drawCuts(scene) {
  const { pen, X, top } = scene;
  const rows = new Map();
  for (const [a, b, sender, receiver] of inWindow(scene, scene.model.cut)) {
    const row = rows.get(sender) ?? [];
    rows.set(sender, row);
    let at = row.findIndex(end => end <= a);
    if (at < 0) at = row.length;
    row[at] = b;
    const y = top + sender * NODE_HEIGHT + NODE_HEIGHT - 9 - at * 4;
    pen.fillStyle = colours.cut;
    pen.fillRect(X(a), y, Math.max(2, X(b) - X(a)), 3);
    const text = "nothing gets from " + nodeName(sender) + " to " + nodeName(receiver);
    boxTarget(X(a), y - 1, X(b) - X(a), 5, text);
  }
}

function drawElections({ pen, X, Y, model, from, to, view, top }) {
  const at = firstFrom(model.of.l, from, 1), lastX = new Map();
  for (let i = at; i < model.of.l.length && model.of.l[i][1] <= to; i++) {
    const [, us, node, group, term] = model.of.l[i];
    if (view.group !== "" && view.group !== group) continue;
    const x = X(us), label = groupName(group) + " t" + term;
    pen.fillStyle = colours.star;
    pen.font = "17px system-ui, 'DejaVu Sans', sans-serif";
    pen.textAlign = "center";
    pen.fillText("\u2605", x, Y(node));
    pen.font = FONT;
    pen.textAlign = "left";
    if (x - (lastX.get(node) ?? -99) > CLEAR_LABEL_PX) {
      pen.fillText(label, x + 10, Y(node) - 10);
      lastX.set(node, x);
    }
    boxTarget(x - 7, Y(node) - 8, 14, 16, nodeName(node) + " is elected for " + groupName(group)
      + " in term " + term + "\n" + seconds(us));
  }
}

// A tick on a node's lane where it says where it stands, and the words below it while there is room for them.
function drawNotes({ pen, X, Y, model, from, to }) {
  const free = new Map();
  for (let i = firstFrom(model.of.n, from, 1); i < model.of.n.length && model.of.n[i][1] <= to; i++) {
    const [, us, node, text] = model.of.n[i], x = X(us), y = Y(node);
    pen.fillStyle = colours.star;
    pen.fillRect(x - 1, y - 6, 2, 12);
    boxTarget(x - 5, y - 8, 10, 16, nodeName(node) + ": " + text + "\n" + seconds(us));
    if (x < (free.get(node) ?? 0)) continue;
    pen.fillText(text, x + 4, y + 14);
    free.set(node, x + pen.measureText(text).width + 10);
  }
}

function drawMargin({ pen, Y, model, view, height, clients, clientTop, X }) {
  pen.fillStyle = colours.back;
  pen.fillRect(0, 0, LEFT - 2, height);
  pen.fillStyle = colours.ink;
  pen.font = "600 13px system-ui, 'DejaVu Sans', sans-serif";
  for (let node = 0; node < model.trace.nodes; node++) pen.fillText(nodeName(node), 10, Y(node));
  pen.font = FONT;
  pen.fillStyle = colours.soft;
  pen.fillText("trouble", 10, 32);
  for (let client = 0; client < clients; client++) {
    pen.fillText("client " + (client + 1), 10, clientTop + client * CLIENT_HEIGHT + CLIENT_HEIGHT / 2);
  }
  pen.strokeStyle = colours.ink;
  pen.lineWidth = 1;
  pen.setLineDash([4, 4]);
  pen.beginPath();
  pen.moveTo(X(view.at), 18);
  pen.lineTo(X(view.at), height);
  pen.stroke();
  pen.setLineDash([]);
}
