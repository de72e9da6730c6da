// One loss on the page: its picture, its state in the address, and the controls that change both.

import { el, fetched, flat, nest, ROOT, shape, short, table } from "./kit.js";
import { code, own } from "./own.js";
import { contrast, pictures } from "./pictures.js";

export function show(loss) {
  const { kind, request, moved } = loss.picture;
  const parameters = new URLSearchParams(location.search);
  const view = { loss, request: structuredClone(request), over: moved[0], log: parameters.has("log") };
  restore(view, parameters);
  view.setAll = (name, numbers) => {
    view.request[name] = nest(numbers.map((x) => +x.toPrecision(6)), shape(view.request[name]));
    changed(view);
  };
  view.set = (name, at, value) => view.setAll(name, flat(view.request[name]).with(at, value));
  view.redraw = () => draw(view);
  const host = document.getElementById("picture");
  view.svg = el("svg", { role: "group", "aria-label": `${kind} of ${loss.name}` });
  view.said = el("output", { class: "said" });
  view.problem = el("p", { class: "problem", role: "alert" });
  view.numbers = el("div");
  view.controls = el("form", { class: "controls", submit: (event) => event.preventDefault() });
  if (kind === "table") host.append(el("p", {}, `No picture: ${loss.picture.why}. The example, as numbers:`), example(request));
  else host.append(el("figure", {}, view.svg, el("figcaption", {}, view.said, view.problem, view.numbers)), view.controls);
  listen(view);
  controls(view);
  contrasts(view, host);
  own(view);
  code(view);
  if (parameters.has("with")) compare(view, parameters.get("with"));
  if (kind !== "table") new ResizeObserver(() => view.svg.isConnected && draw(view)).observe(view.svg);
}

// Where there is no picture: each field of the example as a row.
function example(request) {
  const row = ([name, value]) => el("tr", {}, el("th", { scope: "row" }, name), el("td", {}, JSON.stringify(value)));
  return el("table", {}, Object.entries(request).map(row));
}

// Options by name, tensors as their numbers: /losses/huber?delta=0.5&labels=2
function restore(view, parameters) {
  for (const [name, given] of parameters) {
    const option = view.loss.options.find((one) => one.name === name);
    if (option) view.request[name] = option.type === "string" ? given : JSON.parse(given);
    else if (name in view.request) view.request[name] = nest(given.split(",").map(Number), shape(view.request[name]));
    else if (name === "over") view.over = given;
  }
}

function changed(view) {
  const { loss, request } = view, parameters = new URLSearchParams(), written = (value) => String(flat(value));
  for (const { name } of [...loss.options, ...loss.inputs]) {
    if (name in request && written(request[name]) !== written(loss.picture.request[name])) parameters.set(name, written(request[name]));
  }
  if (view.over !== loss.picture.moved[0]) parameters.set("over", view.over);
  if (view.peer) parameters.set("with", view.peer.name);
  if (view.log) parameters.set("log", 1);
  const query = parameters.toString().replaceAll("%2C", ",");
  history.replaceState(null, "", location.pathname + (query && `?${query}`));
  draw(view);
  code(view);
}

// One call at a time; what changes meanwhile is drawn by the next.
async function draw(view) {
  if (view.loss.picture.kind === "table") return;
  if (view.busy) return void (view.again = true);
  view.busy = true;
  view.width = Math.max(300, view.svg.clientWidth);
  view.height = Math.round(Math.min(440, Math.max(300, view.width * 0.68)));
  try {
    render(view, await pictures[view.loss.picture.kind](view));
    view.problem.textContent = "";
  } catch (problem) {
    if (problem.status === undefined) throw problem;
    view.problem.textContent = problem.message;
    if (problem.status === 401) view.problem.append(ask(view));
  } finally {
    view.busy = false;
    if (view.again) (view.again = false), draw(view);
  }
}

function ask(view) {
  const box = el("input", { type: "password", autocomplete: "current-password", "aria-label": "Bearer token", placeholder: "bearer token" });
  const keep = (event) => (event.preventDefault(), sessionStorage.setItem("token", box.value), draw(view));
  return el("form", { submit: keep }, box, el("button", {}, "Authorize"));
}

function render(view, picture) {
  view.picture = picture;
  const { svg } = view, focused = document.activeElement?.dataset?.handle, open = view.numbers.firstChild?.open;
  svg.setAttribute("viewBox", `0 0 ${view.width} ${picture.height ?? view.height}`);
  svg.replaceChildren(...picture.shapes.filter(Boolean), ...picture.handles.map(mark));
  if (focused !== undefined) svg.querySelector(`[data-handle="${focused}"]`)?.focus({ preventScroll: true });
  const words = (value) => (typeof value === "number" ? short(value) : value ?? "");
  view.said.replaceChildren(...picture.said.map(([name, value]) => el("span", {}, `${name} `, el("b", {}, words(value)))));
  view.numbers.replaceChildren(table("The numbers of this picture", picture.rows[0], picture.rows.slice(1)));
  view.numbers.firstChild.open = Boolean(open);
  svg.dataset.drawn = Number(svg.dataset.drawn ?? 0) + 1;
}

// What one takes hold of, for the pointer, the keys and a screen reader.
function mark({ x, y, key, hue = "", square, quiet, label, value }, i) {
  const name = { class: `handle hue${hue} ${quiet ? "quiet" : ""}`, "data-handle": key ?? i, "aria-label": label };
  const role = { tabindex: 0, role: "slider", "aria-valuetext": value, "aria-valuenow": typeof value === "number" ? value : 0 };
  return el(square ? "rect" : "circle", { ...name, ...role, ...(square ? { x: x - 7, y: y - 7, width: 14, height: 14 } : { cx: x, cy: y, r: 8 }) });
}

// Pointer and keys move the handles; a picture that paints takes the pointer where it is.
const KEYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
function listen(view) {
  const { svg } = view;
  const handle = (key) => view.picture.handles.find((one, i) => String(one.key ?? i) === key);
  const place = (event) => {
    const box = svg.getBoundingClientRect();
    return [((event.clientX - box.left) / box.width) * view.width, ((event.clientY - box.top) / box.width) * view.width];
  };
  let active, from;
  const move = (event, first) => {
    if (active === undefined) return;
    if (view.picture.paint) view.picture.paint(...place(event), first === true);
    else handle(active)?.drag(...place(event), from);
  };
  svg.addEventListener("pointerdown", (event) => {
    if (!view.picture) return;
    const [px, py] = place(event), { handles, paint } = view.picture;
    const [near, key] = handles.map((one, i) => [Math.hypot(one.x - px, one.y - py), String(one.key ?? i)]).sort((a, b) => a[0] - b[0])[0];
    active = paint ? "paint" : event.target.dataset.handle ?? (handles.length === 1 || near < 40 ? key : undefined);
    if (active === undefined) return;
    if (!paint) (from = handle(active).value), svg.querySelector(`[data-handle="${active}"]`)?.focus({ preventScroll: true });
    svg.setPointerCapture(event.pointerId);
    event.preventDefault();
    move(event, true);
  });
  svg.addEventListener("pointermove", move);
  for (const end of ["pointerup", "pointercancel"]) svg.addEventListener(end, () => (active = undefined));
  svg.addEventListener("keydown", (event) => {
    const one = view.picture && handle(event.target.dataset.handle), way = KEYS[event.key];
    if (!one || !(way || (event.key === " " && one.press))) return;
    event.preventDefault();
    if (way) one.drag(one.x + way[0] * (one.step ?? 8), one.y + way[1] * (one.step ?? 8));
    else one.press(one.x, one.y);
  });
}

// ---------------------------------------------------------------- controls

const labeled = (name, title, ...inside) => el("label", { title }, el("span", {}, name), ...inside);
const check = (name, title, checked, set) =>
  labeled(name, title, el("input", { type: "checkbox", checked, change: (event) => set(event.target.checked) }));

function number(name, title, value, [low, high], whole, set) {
  const step = whole ? 1 : (high - low) / 200, shown = value !== 0 && Math.abs(value) < 1e-4 ? value.toExponential() : value;
  const typed = () => ((slider.value = box.value), set(Number(box.value)));
  const slid = () => ((box.value = +Number(slider.value).toPrecision(4)), set(Number(box.value)));
  const box = el("input", { type: "number", step: "any", value: shown, "aria-label": name, change: typed });
  const slider = el("input", { type: "range", min: low, max: high, step, value, "aria-label": `${name} slider`, input: slid });
  return labeled(name, title, slider, box);
}

function choice(name, title, value, choices, set) {
  const options = choices.map((one) => el("option", { value: one, selected: String(one) === String(value) }, String(one)));
  return labeled(name, title, el("select", { change: (event) => set(event.target.value) }, options));
}

function controls(view) {
  const { loss, request } = view, { kind, repeated, moved } = loss.picture, made = [];
  const single = (input) => repeated.includes(input.name) && input.kind === "real" && flat(request[input.name]).length === 1;
  const overs = { curve: loss.inputs.filter(single).map((input) => input.name), bars: moved }[kind] ?? [];
  const move = (name) => ((view.over = name), controls(view), changed(view));
  if (overs.length > 1) made.push(choice("over", "the input that the picture moves", view.over, overs, move));
  for (const option of loss.options) {
    const { name, description, type, range } = option, value = request[name] ?? option.default;
    const set = (chosen) => ((request[name] = chosen), changed(view));
    if (type === "boolean") made.push(check(name, description, value, set));
    else if (option.choices) made.push(choice(name, description, value, option.choices, set));
    else if (range) made.push(number(name, description, value, range, type === "integer", set));
  }
  for (const input of loss.inputs.filter((one) => (kind === "curve" ? one.name !== view.over : !moved.includes(one.name)))) {
    const numbers = flat(request[input.name]);
    const name = (i) => (numbers.length > 1 ? `${input.name}[${i}]` : input.name);
    if (numbers.length <= 4) made.push(...numbers.map((value, i) => element(view, input, name(i), value, i)));
  }
  const peers = ["", ...loss.peers];
  const second = (name) => compare(view, name);
  if (peers.length > 1) made.push(choice("compare with", "a second loss over the same numbers", view.peer?.name ?? "", peers, second));
  if (kind === "curve") made.push(check("logarithmic", "sizes on a logarithmic axis", view.log, (log) => ((view.log = log), changed(view))));
  made.push(el("button", { type: "button", click: () => document.dispatchEvent(new Event("again")) }, "Start again"));
  view.controls.replaceChildren(...made);
}

// A control for one number of an input.
function element(view, input, name, value, at) {
  const set = (chosen) => view.set(input.name, at, Number(chosen));
  if (input.values?.length <= 12) return choice(name, input.description, value, input.values, set);
  return number(name, input.description, value, input.range, input.kind === "integer", set);
}

async function compare(view, name) {
  const page = view.loss.peers.includes(name) && (await fetched(new URL(`losses/${name}`, ROOT)));
  view.peer = page ? JSON.parse(page.getElementById("loss").textContent) : undefined;
  controls(view);
  changed(view);
}

async function contrasts(view, host) {
  for (const found of view.loss.contrasts) {
    const svg = el("svg", { role: "img", "aria-label": found.title });
    host.after(el("section", { class: "contrast" }, el("h2", {}, found.title), el("p", {}, found.said), svg));
    const width = Math.max(300, svg.clientWidth);
    svg.setAttribute("viewBox", `0 0 ${width} 260`);
    const drawn = await contrast({ ...view, width, height: 260 }, found).catch(() => []); // the picture says what is wrong
    svg.replaceChildren(...drawn);
  }
}
