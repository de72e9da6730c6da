// Elements, tensors, scales, and calls of the service: what the pictures are made with.

export const ROOT = new URL("..", import.meta.url);
const DRAWN = new Set(["svg", "g", "path", "line", "rect", "circle", "text", "image", "polygon"]);

// An element with attributes, listeners (functions) and children.
export function el(tag, attributes = {}, ...children) {
  const made = DRAWN.has(tag) ? document.createElementNS("http://www.w3.org/2000/svg", tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") made.addEventListener(name, value);
    else if (value !== false && value !== undefined) made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.flat().filter((child) => child !== undefined && child !== ""));
  return made;
}

export const text = (x, y, words, more) => el("text", { x, y, ...more }, words);
export const rule = (x1, y1, x2, y2, name, more) => el("line", { class: name, x1, y1, x2, y2, ...more });
export const block = (x, y, width, height, more) => el("rect", { x, y, width, height, ...more });
export const clamp = (value, low, high) => Math.max(low, Math.min(high, value));

// Tensors are nested arrays, as the service takes and returns them.
export const shape = (tensor) => (Array.isArray(tensor) ? [tensor.length, ...shape(tensor[0])] : []);
export const flat = (tensor) => [tensor].flat(Infinity);
export function nest(numbers, sizes) {
  if (sizes.length === 0) return numbers[0];
  const step = numbers.length / sizes[0];
  return Array.from({ length: sizes[0] }, (_, i) => nest(numbers.slice(i * step, (i + 1) * step), sizes.slice(1)));
}
export const replaced = (tensor, at, value) => nest(flat(tensor).with(at, value), shape(tensor));

// POST /loss/{name} or /check/{name}; the caller's token with it; a problem document becomes an exception.
export async function post(name, body, path = "loss") {
  const token = sessionStorage.getItem("token");
  const headers = { "content-type": "application/json", ...(token && { authorization: `Bearer ${token}` }) };
  const response = await fetch(new URL(`${path}/${name}`, ROOT), { method: "POST", headers, body: JSON.stringify(body) });
  const answer = await response.json();
  if (!response.ok) throw Object.assign(new Error(answer.detail), { status: answer.status });
  return answer;
}

export async function fetched(url) {
  const response = await fetch(url, { headers: { accept: "text/html" } });
  return new DOMParser().parseFromString(await response.text(), "text/html");
}

// A number in a few characters.
export function short(x) {
  if (x === 0 || Number.isInteger(x) && Math.abs(x) < 1e6) return String(x).replace("-", "−");
  const size = Math.abs(x);
  const text = size < 1e-3 || size >= 1e5 ? x.toExponential(2).replace(/\.?0+e/, "e").replace("e+", "e") : String(+x.toPrecision(4));
  return text.replace("-", "−");
}

// A linear scale from the interval [low, high] to pixels [from, to], and back.
export function scale(low, high, from, to) {
  const size = high - low || 1;
  const map = (x) => from + ((x - low) / size) * (to - from);
  return Object.assign(map, { low, high, from, to, back: (pixel) => low + ((pixel - from) / (to - from)) * size });
}

// Round numbers inside an interval, for the marks of an axis.
function ticks(low, high, most) {
  const rough = (high - low) / most;
  const unit = 10 ** Math.floor(Math.log10(rough));
  const step = unit * [1, 2, 5, 10].find((k) => k * unit >= rough);
  const first = Math.ceil(low / step);
  return Array.from({ length: Math.floor(high / step) - first + 1 }, (_, i) => (first + i) * step);
}

// The marks and names of both axes; `whole` marks whole numbers of x only, `write` names a place on the y axis (10^y on a logarithmic one).
export function axes(x, y, [below, beside], { whole = false, write = short } = {}) {
  const wide = Math.max(2, Math.round((x.to - x.from) / 90)), high = Math.max(2, Math.round((y.from - y.to) / 60));
  const across = ticks(x.low, x.high, wide).filter((at) => !whole || Number.isInteger(at)).map((at) => [
    rule(x(at), y.from, x(at), y.to, at === 0 ? "zero" : "mark"),
    text(x(at), y.from + 16, short(+at.toPrecision(12)), { "text-anchor": "middle" }),
  ]);
  const up = ticks(Math.min(y.low, y.high), Math.max(y.low, y.high), high).map((at) => [
    rule(x.from, y(at), x.to, y(at), at === 0 && write === short ? "zero" : "mark"),
    text(x.from - 6, y(at) + 4, write(+at.toPrecision(12)), { "text-anchor": "end" }),
  ]);
  const names = [text(x.to, y.from + 32, below, { class: "axis", "text-anchor": "end" }), text(x.from, y.to - 8, beside, { class: "axis" })];
  return el("g", { class: "axes" }, across.flat(), up.flat(), names);
}

// An arrow; nothing where it would be shorter than a pixel.
export function arrow(x, y, dx, dy) {
  const length = Math.hypot(dx, dy);
  if (!(length > 1)) return "";
  const [ux, uy, head] = [dx / length, dy / length, Math.min(7, length / 2)];
  const side = (s) => `${x + dx - head * (ux - s * uy * 0.5)} ${y + dy - head * (uy + s * ux * 0.5)}`;
  return el("path", { class: "arrow", d: `M${x} ${y}L${x + dx} ${y + dy}M${side(1)}L${x + dx} ${y + dy}L${side(-1)}` });
}

// A color between two hues for a gradient: red pushes down, blue pulls up, with strength in [-1, 1].
export const signed = (strength) => `rgb(${strength > 0 ? "214 69 65" : "40 110 220"} / ${Math.min(1, Math.abs(strength))})`;

// A color for a share in [0, 1], from dark violet over green to yellow: light to both kinds of color blindness.
const STOPS = [[68, 1, 84], [59, 82, 139], [33, 145, 140], [94, 201, 98], [253, 231, 37]];
export function color(share) {
  const at = Math.max(0, Math.min(0.9999, share)) * 4;
  const [a, b] = [STOPS[Math.floor(at)], STOPS[Math.floor(at) + 1]];
  return a.map((value, i) => Math.round(value + (b[i] - value) * (at % 1)));
}

// A table of numbers under a heading that opens it: the picture for who does not see it.
export function table(caption, head, rows) {
  const cell = (tag, value) => el(tag, tag === "th" ? { scope: "col" } : {}, typeof value === "number" ? short(value) : value);
  const cells = (tag, row) => el("tr", {}, row.map((value) => cell(tag, value)));
  return el("details", { class: "numbers" }, el("summary", {}, caption),
    el("div", { class: "scroll" }, el("table", {}, el("thead", {}, cells("th", head)), el("tbody", {}, rows.map((row) => cells("td", row))))));
}
