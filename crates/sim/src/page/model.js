// What the page knows of the run: the trace, taken apart by kind and put in order of time.
//
// Times are simulated microseconds. Rows of the trace, by their first element:
//   m sent from to arrives text   a message; arrives -1: lost, -2: held up by a silent direction
//   u|d at node why               a node comes up, goes down
//   p at node until               a node is paused
//   w at a b up                   a connection stands (1) or breaks (0)
//   b at from to on               a direction falls silent (1) or speaks again (0)
//   l at node group term          a leader is elected
//   g at node group role term last commit applied
//   o at request client node text  a client asks
//   r at request outcome          and learns what became of it
//   h at                          all trouble ends
//   n at node text                where a node stands from now on

const FORMAT = "synod-trace";
const VERSION = 2;

const el = id => document.getElementById(id);
const seconds = us => (us / 1e6).toFixed(6) + " s";
let names = [];
const nodeName = n => names[n] ?? "node " + (n + 1);
const groupName = g => g === 0 ? "meta" : "p" + g;

function readTrace() {
  const trace = JSON.parse(el("trace").textContent);
  if (trace.format !== FORMAT || trace.version !== VERSION) {
    throw new Error("this page holds a trace of version " + trace.version + " (" + trace.format
      + "); its player reads version " + VERSION + " of " + FORMAT);
  }
  return trace;
}

// The first place in `rows` whose element `key` is not below `at`.
function firstFrom(rows, at, key) {
  let low = 0, high = rows.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (rows[middle][key] < at) low = middle + 1; else high = middle;
  }
  return low;
}

function splitByKind(trace) {
  const of = {};
  for (const kind of "mudpwblgorhn") of[kind] = [];
  for (const row of trace.events) of[row[0]].push(row);
  of.m.sort((a, b) => a[1] - b[1]);
  return of;
}

// A connection that breaks takes with it what is under way: those messages arrive nowhere.
function loseWithConnection(messages, wires) {
  const breaks = new Map();
  for (const [, at, a, b, up] of wires) {
    if (up) continue;
    const key = a + "-" + b;
    if (!breaks.has(key)) breaks.set(key, []);
    breaks.get(key).push([at]);
  }
  for (const m of messages) {
    if (m[4] < 0) continue;
    const key = Math.min(m[2], m[3]) + "-" + Math.max(m[2], m[3]);
    const of = breaks.get(key);
    if (!of) continue;
    const next = of[firstFrom(of, m[1], 0)];
    if (next && next[0] < m[4]) m.brokenAt = next[0];
  }
}

// Periods [begin, end, ...what] out of rows that begin and end something.
function periods(rows, keyOf, isBegin, what, end) {
  const open = new Map(), out = [];
  for (const row of rows) {
    const key = keyOf(row), since = open.get(key);
    if (isBegin(row)) {
      if (!since) open.set(key, row);
    } else if (since) {
      out.push([since[1], row[1], ...what(since)]);
      open.delete(key);
    }
  }
  for (const row of open.values()) out.push([row[1], end, ...what(row)]);
  return out.sort((a, b) => a[0] - b[0]);
}

function roles(rows, end) {
  const open = new Map(), out = [];
  const close = (key, at) => {
    const since = open.get(key);
    if (since && since[4] !== "F") out.push([since[1], at, since[2], since[3], since[4], since[5]]);
    open.delete(key);
  };
  for (const row of rows) {
    const key = row[2] + "/" + row[3], since = open.get(key);
    if (since && since[4] === row[4] && since[5] === row[5]) continue;
    close(key, row[1]);
    open.set(key, row);
  }
  for (const key of [...open.keys()]) close(key, end);
  return out.sort((a, b) => a[0] - b[0]);
}

function requests(of, end) {
  const byOp = new Map();
  for (const [, at, op, client, node, text] of of.o) {
    byOp.set(op, { at, until: end, client, node, text, outcome: "no answer yet" });
  }
  for (const [, at, op, outcome] of of.r) {
    const asked = byOp.get(op);
    if (asked) { asked.until = at; asked.outcome = outcome; }
  }
  return [...byOp.values()].sort((a, b) => a.at - b.at);
}

function landmarks(model) {
  const { of, trace } = model;
  const node = nodeName;
  const list = [];
  for (const [, at, n] of of.u) list.push([at, "u", node(n) + " is up"]);
  for (const [, at, n, why] of of.d) list.push([at, "d", node(n) + " is down: " + why]);
  for (const [, at, n, g, term] of of.l) {
    list.push([at, "l", node(n) + " leads " + groupName(g) + " in term " + term, g]);
  }
  for (const [number, at, kind, whom] of trace.strikes) {
    list.push([at, "s", "strike #" + number + ", " + kind + ": " + whom]);
  }
  for (const [, at, n, text] of of.n) list.push([at, "n", node(n) + ": " + text]);
  for (const [, at] of of.h) list.push([at, "s", "all trouble ends"]);
  if (trace.failure) list.push([trace.failure.at_us, "s", "rule broken: " + trace.failure.rule]);
  return list.sort((a, b) => a[0] - b[0]);
}

function makeModel(trace) {
  const of = splitByKind(trace), end = trace.end_us;
  names = trace.names ?? [];
  loseWithConnection(of.m, of.w);
  const model = { trace, of, begin: trace.begin_us, end };
  const lives = [...of.u, ...of.d].sort((a, b) => a[1] - b[1]);
  // Whoever has not come up yet is down, unless the beginning of the trace was dropped.
  const unborn = trace.dropped ? [] : Array.from({ length: trace.nodes }, (_, n) => ["d", 0, n, "not started"]);
  model.down = periods([...unborn, ...lives], row => row[2], row => row[0] === "d", row => [row[2], row[3]], end);
  model.paused = of.p.map(([, at, node, until]) => [at, until, node]);
  model.cut = periods(of.b, row => row[2] + ">" + row[3], row => row[4] === 1, row => [row[2], row[3]], end);
  // A process that goes down leads nothing any more.
  const ends = of.d.map(([, at, n]) => [at, n]);
  model.roles = roles(of.g, end).map(r => {
    const gone = ends.find(([at, n]) => n === r[2] && at > r[0] && at < r[1]);
    return gone ? [r[0], gone[0], ...r.slice(2)] : r;
  });
  model.requests = requests(of, end);
  model.landmarks = landmarks(model);
  model.longest = {
    message: of.m.reduce((most, m) => Math.max(most, m[4] - m[1]), 0),
    request: model.requests.reduce((most, r) => Math.max(most, r.until - r.at), 0),
  };
  model.groups = [...new Set([...of.l.map(r => r[3]), ...of.g.map(r => r[3])])].sort((a, b) => a - b);
  model.byNodeGroup = new Map();
  for (const row of of.g) {
    const key = row[2] + "/" + row[3];
    if (!model.byNodeGroup.has(key)) model.byNodeGroup.set(key, []);
    model.byNodeGroup.get(key).push(row);
  }
  return model;
}

// Where the log of a group on a node stands at this moment; undefined when nobody knows.
function logAt(model, node, group, at) {
  const rows = model.byNodeGroup.get(node + "/" + group);
  return rows && rows[firstFrom(rows, at + 1, 1) - 1];
}

const isDown = (model, node, at) => model.down.some(d => d[2] === node && d[0] <= at && at < d[1]);

// The parts of a message that are to be seen.
function partsShown(text, view) {
  return text.split("; ").filter(part => {
    if (view.group !== "" && !part.startsWith(groupName(view.group) + " ")) return false;
    return view.beats || !/ (heartbeat|alive)/.test(part) && !part.startsWith("heartbeats");
  });
}

// What a node said last of where it stands.
const noteAt = (model, node, at) => model.of.n.findLast(row => row[2] === node && row[1] <= at)?.[3] ?? "";

function colourOf(parts) {
  const text = parts.join(" ");
  if (/^(prepare|pre-commit|decided)/.test(text)) return "append";
  if (/^(ack|report|vote: |p\d+ answer: )/.test(text)) return "reply";
  if (/^(elect|alive|inquire)/.test(text)) return "vote";
  if (/vote|take over/.test(text)) return "vote";
  if (/snapshot/.test(text)) return "snapshot";
  if (/append/.test(text)) return "append";
  if (/has|lacks/.test(text)) return "reply";
  if (/forward/.test(text)) return "forward";
  return "beat";
}
