// What travels: messages between nodes, and clients' requests.

function drawMessages(scene) {
  const { model, view, from, to } = scene;
  const shown = [];
  const first = firstFrom(model.of.m, from - model.longest.message, 1);
  for (let i = first; i < model.of.m.length && model.of.m[i][1] <= to; i++) {
    const m = model.of.m[i];
    if (Math.max(m[4], m[1] + view.span / 20) < from) continue;
    const parts = partsShown(m[5], view);
    if (parts.length) shown.push([m, parts]);
  }
  const step = Math.max(1, shown.length / MESSAGES_MAX);
  // Many arrows at once are drawn thin and pale, so that what stands out is what is lost and who is elected.
  scene.pale = Math.min(1, Math.max(0.25, 150 / Math.max(1, shown.length)));
  // What is lost is drawn last, over the rest.
  const late = [];
  for (let i = 0; i < shown.length; i += step) {
    const [m, parts] = shown[Math.floor(i)];
    if (m[4] < 0 || m.brokenAt !== undefined) late.push([m, parts]); else drawArrow(scene, m, parts);
  }
  for (const [m, parts] of late) drawLost(scene, m, parts);
  return step > 1 ? shown.length : 0;
}

const way = m => nodeName(m[2]) + " to " + nodeName(m[3]);

function drawArrow({ pen, X, Y, pale }, m, parts) {
  const x1 = X(m[1]), y1 = Y(m[2]), x2 = X(m[4]), y2 = Y(m[3]);
  const kind = colourOf(parts);
  pen.strokeStyle = pen.fillStyle = colours[kind];
  pen.lineWidth = kind === "beat" || kind === "reply" || pale < 1 ? 1 : 1.5;
  pen.globalAlpha = kind === "vote" ? 1 : pale;
  pen.beginPath();
  pen.moveTo(x1, y1);
  pen.lineTo(x2, y2);
  pen.stroke();
  const turn = Math.atan2(y2 - y1, x2 - x1);
  pen.beginPath();
  pen.moveTo(x2, y2);
  pen.lineTo(x2 - 8 * Math.cos(turn - 0.35), y2 - 8 * Math.sin(turn - 0.35));
  pen.lineTo(x2 - 8 * Math.cos(turn + 0.35), y2 - 8 * Math.sin(turn + 0.35));
  pen.fill();
  pen.globalAlpha = 1;
  label(pen, (x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1, parts);
  lineTarget(x1, y1, x2, y2, way(m) + ", " + seconds(m[1]) + " to " + seconds(m[4]) + "\n" + parts.join("\n"));
}

// Text along an arrow, where the arrow is long and flat enough to read it.
function label(pen, x, y, dx, dy, parts) {
  const text = parts[0] + (parts.length > 1 ? " +" + (parts.length - 1) : "");
  const length = Math.hypot(dx, dy);
  if (dx < 60 || pen.measureText(text).width > length * 0.8) return;
  pen.save();
  pen.translate(x, y);
  pen.rotate(Math.atan2(dy, dx));
  pen.textAlign = "center";
  pen.font = "11px system-ui, 'DejaVu Sans', sans-serif";
  pen.fillText(text, 0, -6);
  pen.restore();
}

function drawLost(scene, m, parts) {
  const { pen, X, Y, view } = scene;
  const held = m[4] === -2, broken = m.brokenAt !== undefined;
  const whole = broken ? m[4] - m[1] : view.span / 25;
  const share = held ? 0.16 : broken ? Math.max(0.1, (m.brokenAt - m[1]) / whole) : 0.42;
  const x1 = X(m[1]), y1 = Y(m[2]);
  const x2 = X(m[1] + whole * share), y2 = y1 + (Y(m[3]) - y1) * share;
  const colour = held ? colours.held : colours.lost;
  pen.strokeStyle = pen.fillStyle = colour;
  pen.lineWidth = 1.3;
  pen.setLineDash([5, 3]);
  pen.beginPath();
  pen.moveTo(x1, y1);
  pen.lineTo(x2, y2);
  pen.stroke();
  pen.setLineDash([]);
  if (held) {
    pen.fillRect(x2 - 3, y2 - 3, 6, 6);
  } else {
    pen.lineWidth = 2.2;
    pen.beginPath();
    pen.moveTo(x2 - 4, y2 - 4);
    pen.lineTo(x2 + 4, y2 + 4);
    pen.moveTo(x2 + 4, y2 - 4);
    pen.lineTo(x2 - 4, y2 + 4);
    pen.stroke();
  }
  const fate = held ? "held up: the direction is silent" : broken ? "lost with the connection" : "lost";
  lineTarget(x1, y1, x2, y2, way(m) + ", " + seconds(m[1]) + ": " + fate + "\n" + parts.join("\n"));
}

const outcomeColour = outcome => outcome.startsWith("answered") ? "ok" : outcome === "refused" ? "refused" : "unknown";

function drawRequests(scene) {
  const { pen, X, model, from, to, clients, clientTop } = scene;
  if (!clients) return;
  const all = model.requests;
  const first = firstFrom(all, from - model.longest.request, "at");
  for (let i = first; i < all.length && all[i].at <= to; i++) {
    const request = all[i];
    if (request.until < from) continue;
    const y = clientTop + request.client * CLIENT_HEIGHT + 2;
    const x = Math.max(LEFT, X(request.at)), w = Math.max(2, X(Math.min(request.until, to)) - x);
    pen.fillStyle = colours[outcomeColour(request.outcome)];
    pen.globalAlpha = 0.75;
    pen.fillRect(x, y, w, CLIENT_HEIGHT - 4);
    pen.globalAlpha = 1;
    if (w > pen.measureText(request.text).width + 8) {
      pen.fillStyle = colours.back;
      pen.fillText(request.text, x + 4, y + CLIENT_HEIGHT / 2 - 1);
    }
    boxTarget(x, y, w, CLIENT_HEIGHT - 4, "client " + (request.client + 1) + " asks " + nodeName(request.node)
      + ": " + request.text + "\n" + request.outcome + ", " + seconds(request.at) + " to " + seconds(request.until));
  }
}
