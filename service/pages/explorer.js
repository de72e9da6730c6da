// The explorer: moves between pages without loading them anew, searches as one types, and gives each loss its picture and controls.

import { el, flat, nest, post, ROOT, shape, short, table } from "./kit.js";
import { contrast, pictures } from "./pictures.js";

const main = document.querySelector("main");
const search = document.querySelector("input[type=search]");
let current; // the view of the loss on the page
let visits = 0;

// ---------------------------------------------------------------- pages and search

async function fetched(url) {
  const response = await fetch(url, { headers: { accept: "text/html" } });
  return new DOMParser().parseFromString(await response.text(), "text/html");
}

// Shows the page at an address; `how` is pushState, replaceState, or nothing where the browser has moved already.
async function go(url, how) {
  const visit = ++visits;
  const page = await fetched(url);
  if (visit !== visits) return;
  if (how) history[how](null, "", url);
  document.title = page.title;
  document.querySelectorAll("header a").forEach((link, i) => link.setAttribute("href", page.querySelectorAll("header a")[i].getAttribute("href")));
  main.replaceChildren(...page.querySelector("main").childNodes);
  opened();
  if (how === "pushState") (document.getElementById(new URL(url).hash.slice(1)) ?? document.body).scrollIntoView();
}

function opened() {
  current = undefined;
  const data = document.getElementById("loss");
  if (data) show(JSON.parse(data.textContent));
}

let timer;
function find() {
  clearTimeout(timer);
  const url = new URL(ROOT);
  if (search.value.trim()) url.search = new URLSearchParams({ q: search.value });
  return go(url, document.getElementById("loss") ? "pushState" : "replaceState");
}
search.addEventListener("input", () => {
  clearTimeout(timer);
  timer = setTimeout(find, 80);
});
search.form.addEventListener("submit", async (event) => {
  event.preventDefault();
  await find();
  if (search.value.trim()) main.querySelector("[data-loss]")?.click();
});

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[href]");
  if (!link || event.button || event.metaKey || event.ctrlKey || event.shiftKey || link.origin !== ROOT.origin) return;
  const own = link.pathname === ROOT.pathname || link.pathname.startsWith(`${ROOT.pathname}losses/`);
  if (!own || (link.hash && link.pathname === location.pathname)) return;
  event.preventDefault();
  search.value = "";
  go(link.href, "pushState");
});
addEventListener("popstate", () => go(location.href));
document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input, textarea, select");
  const links = [...main.querySelectorAll("[data-loss]")], at = links.indexOf(document.activeElement);
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if ((event.key === "/" && !typing) || event.key === "Escape") search.focus(), search.select();
  else if (step && links.length && (at >= 0 || event.target === search)) (links[at + step] ?? search).focus();
  else return;
  event.preventDefault();
});

// ---------------------------------------------------------------- the picture of a loss, its state in the address

function show(loss) {
  const { kind, request, moved } = loss.picture;
  const parameters = new URLSearchParams(location.search);
  const view = { loss, request: structuredClone(request), over: moved[0], log: parameters.has("log"), width: 600, height: 400 };
  current = view;
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
  if (kind === "table") host.append(el("p", {}, `No picture: ${loss.picture.why}. The example, as numbers:`), example(loss));
  else host.append(el("figure", {}, view.svg, el("figcaption", {}, view.said, view.problem, view.numbers)), view.controls);
  listen(view);
  controls(view);
  contrasts(view, host);
  own(view);
  code(view);
  if (parameters.has("with")) compare(view, parameters.get("with"));
  if (kind !== "table") new ResizeObserver(() => current === view && draw(view)).observe(view.svg);
}

const tensors = (view) => Object.keys(view.loss.picture.request).filter((name) => view.loss.inputs.some((input) => input.name === name));

// Options by name, tensors as their numbers: /losses/huber?delta=0.5&labels=2
function restore(view, parameters) {
  for (const [name, text] of parameters) {
    const option = view.loss.options.find((one) => one.name === name);
    if (option) view.request[name] = option.type === "string" ? text : JSON.parse(text);
    else if (tensors(view).includes(name)) view.request[name] = nest(text.split(",").map(Number), shape(view.request[name]));
    else if (name === "over") view.over = text;
  }
}

function changed(view) {
  const { loss, request } = view, parameters = new URLSearchParams();
  for (const option of loss.options) if (option.name in request && request[option.name] !== loss.picture.request[option.name]) parameters.set(option.name, request[option.name]);
  for (const name of tensors(view)) if (String(flat(request[name])) !== String(flat(loss.picture.request[name]))) parameters.set(name, flat(request[name]).join(","));
  if (view.over !== loss.picture.moved[0]) parameters.set("over", view.over);
  if (view.peer) parameters.set("with", view.peer.name);
  if (view.log) parameters.set("log", 1);
  history.replaceState(null, "", `${location.pathname}${parameters.size ? "?" : ""}${parameters.toString().replaceAll("%2C", ",")}`);
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
  const box = el("input", { type: "password", "aria-label": "Bearer token", placeholder: "bearer token" });
  const keep = () => (sessionStorage.setItem("token", box.value), draw(view));
  return el("span", {}, box, el("button", { type: "button", click: keep }, "Authorize"));
}

function render(view, picture) {
  view.picture = picture;
  const focused = document.activeElement?.dataset?.handle;
  const { svg, width } = view, height = picture.height ?? view.height;
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  const marks = picture.handles.map((handle, i) => {
    const shared = { class: `handle hue${handle.hue ?? ""} ${handle.quiet ? "quiet" : ""}`, tabindex: 0, role: "slider", "data-handle": handle.key ?? i, "aria-label": handle.label, "aria-valuetext": handle.value, "aria-valuenow": 0 };
    return handle.square ? el("rect", { ...shared, x: handle.x - 7, y: handle.y - 7, width: 14, height: 14 }) : el("circle", { ...shared, cx: handle.x, cy: handle.y, r: 8 });
  });
  svg.replaceChildren(...picture.shapes.filter(Boolean), ...marks);
  if (focused !== undefined) svg.querySelector(`[data-handle="${focused}"]`)?.focus({ preventScroll: true });
  view.said.replaceChildren(...picture.said.map(([name, value]) => el("span", {}, `${name} `, el("b", {}, typeof value === "number" ? short(value) : value ?? ""))));
  const open = view.numbers.firstChild?.open;
  view.numbers.replaceChildren(table("The numbers of this picture", picture.rows[0], picture.rows.slice(1)));
  view.numbers.firstChild.open = Boolean(open);
  svg.dataset.drawn = Number(svg.dataset.drawn ?? 0) + 1;
}

// Pointer and keys move the handles; a picture that paints takes the pointer where it is.
function listen(view) {
  const { svg } = view;
  const place = (event) => {
    const box = svg.getBoundingClientRect();
    return [((event.clientX - box.left) / box.width) * view.width, ((event.clientY - box.top) / box.height) * view.height];
  };
  const handle = (key) => view.picture.handles.find((one, i) => String(one.key ?? i) === key);
  let active, from;
  svg.addEventListener("pointerdown", (event) => {
    if (!view.picture) return;
    const [px, py] = place(event), { handles, paint } = view.picture;
    const near = handles.map((one, i) => [Math.hypot(one.x - px, one.y - py), String(one.key ?? i)]).sort((a, b) => a[0] - b[0])[0];
    active = paint ? "paint" : event.target.dataset.handle ?? (handles.length === 1 || near[0] < 40 ? near[1] : undefined);
    if (active === undefined) return;
    if (!paint) (from = handle(active).value), svg.querySelector(`[data-handle="${active}"]`)?.focus({ preventScroll: true });
    svg.setPointerCapture(event.pointerId);
    event.preventDefault();
    move(event, true);
  });
  const move = (event, first) => {
    if (active === undefined) return;
    if (view.picture.paint) view.picture.paint(...place(event), first === true);
    else handle(active)?.drag(...place(event), from);
  };
  svg.addEventListener("pointermove", move);
  for (const end of ["pointerup", "pointercancel"]) svg.addEventListener(end, () => (active = undefined));
  svg.addEventListener("keydown", (event) => {
    const one = view.picture && handle(event.target.dataset.handle), way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (!one || !(way || (event.key === " " && one.press))) return;
    event.preventDefault();
    if (way) one.drag(one.x + way[0] * (one.step ?? 8), one.y + way[1] * (one.step ?? 8));
    else one.press(one.x, one.y);
  });
}

// ---------------------------------------------------------------- controls

const labelled = (text, title, ...inside) => el("label", { title }, el("span", {}, text), ...inside);

function number(name, title, value, [low, high], whole, set) {
  const step = whole ? 1 : (high - low) / 200;
  const shown = value !== 0 && Math.abs(value) < 1e-4 ? value.toExponential() : value;
  const box = el("input", { type: "number", step: "any", value: shown, "aria-label": name, change: () => (slider.value = box.value, set(Number(box.value))) });
  const slider = el("input", { type: "range", min: low, max: high, step, value, "aria-label": `${name} slider`, input: () => (box.value = +(+slider.value).toPrecision(4), set(Number(box.value))) });
  return labelled(name, title, slider, box);
}

const choice = (name, title, value, choices, set) =>
  labelled(name, title, el("select", { change: (event) => set(event.target.value) }, choices.map((one) => el("option", { value: one, selected: String(one) === String(value) }, String(one)))));

function controls(view) {
  const { loss, request } = view, { kind, repeated, moved } = loss.picture, made = [];
  const scalar = (input) => flat(request[input.name]).length === 1;
  const overs = kind === "curve" ? loss.inputs.filter((input) => repeated.includes(input.name) && input.kind === "real" && scalar(input)).map((input) => input.name) : kind === "bars" ? moved : [];
  if (overs.length > 1) made.push(choice("over", "the input that the picture moves", view.over, overs, (name) => ((view.over = name), controls(view), changed(view))));
  for (const option of loss.options) {
    const value = request[option.name] ?? option.default, set = (chosen) => ((request[option.name] = chosen), changed(view));
    if (option.type === "boolean") made.push(labelled(option.name, option.description, el("input", { type: "checkbox", checked: value, change: (event) => set(event.target.checked) })));
    else if (option.choices) made.push(choice(option.name, option.description, value, option.choices, set));
    else if (option.range) made.push(number(option.name, option.description, value, option.range, option.type === "integer", set));
  }
  for (const input of loss.inputs.filter((one) => !moved.includes(one.name) || one.name !== view.over && kind === "curve")) {
    const numbers = flat(request[input.name]);
    if (numbers.length <= 4) numbers.forEach((value, i) => made.push(element(view, input, numbers.length > 1 ? `${input.name}[${i}]` : input.name, value, i)));
  }
  if (kind === "curve") {
    const peers = loss.peers.length ? [choice("compare with", "a second loss over the same numbers", view.peer?.name ?? "", ["", ...loss.peers], (name) => compare(view, name))] : [];
    made.push(...peers, labelled("logarithmic", "sizes on a logarithmic axis", el("input", { type: "checkbox", checked: view.log, change: (event) => ((view.log = event.target.checked), changed(view)) })));
  }
  made.push(el("button", { type: "button", click: () => go(location.pathname, "replaceState") }, "Start again"));
  view.controls.replaceChildren(...made);
}

function element(view, input, name, value, at) {
  const set = (chosen) => view.set(input.name, at, Number(chosen));
  if (input.values?.length <= 12) return choice(name, input.description, value, input.values, set);
  return number(name, input.description, value, input.range, input.kind === "integer", set);
}

async function compare(view, name) {
  view.peer = name && view.loss.peers.includes(name) ? JSON.parse((await fetched(new URL(`losses/${name}`, ROOT))).getElementById("loss").textContent) : undefined;
  controls(view);
  changed(view);
}

async function contrasts(view, host) {
  for (const found of view.loss.contrasts) {
    const svg = el("svg", { role: "img", "aria-label": found.title });
    host.after(el("section", { class: "contrast" }, el("h2", {}, found.title), el("p", {}, found.said), svg));
    const width = Math.max(300, svg.clientWidth);
    svg.setAttribute("viewBox", `0 0 ${width} 260`);
    svg.replaceChildren(...(await contrast({ ...view, width, height: 260 }, found)));
  }
}

// The example where there is no picture: each tensor and option as a row.
const example = (loss) => el("table", {}, Object.entries(loss.picture.request).map(([name, value]) => el("tr", {}, el("th", { scope: "row" }, name), el("td", {}, JSON.stringify(value)))));

// ---------------------------------------------------------------- code, and one's own numbers

const LANGUAGES = {
  curl: (url, name, body) => `curl -s ${url}loss/${name} -H 'content-type: application/json' \\\n  -d '${JSON.stringify(body)}'`,
  Python: (url, name, body) => `import loss_client\n\nclient = loss_client.Client("${url.slice(0, -1)}")\nanswer = client.${name}(${Object.entries(body).map(([key, value]) => `\n    ${key}=${python(value)},`).join("")}\n)\nprint(answer.value, answer.gradients)`,
  TypeScript: (url, name, body) => `const response = await fetch("${url}loss/${name}", {\n  method: "POST",\n  headers: { "content-type": "application/json" },\n  body: JSON.stringify(${JSON.stringify(body)}),\n});\nconst { value, gradients } = await response.json();`,
  Go: (url, name, body) => `body := strings.NewReader(\`${JSON.stringify(body)}\`)\nresponse, err := http.Post("${url}loss/${name}", "application/json", body)\nif err != nil {\n\tlog.Fatal(err)\n}\ndefer response.Body.Close()\nvar answer struct {\n\tValue     float64         \`json:"value"\`\n\tGradients json.RawMessage \`json:"gradients"\`\n}\nerr = json.NewDecoder(response.Body).Decode(&answer)`,
};
const python = (value) => JSON.stringify(value).replace(/\btrue\b/g, "True").replace(/\bfalse\b/g, "False").replace(/\bnull\b/g, "None");

function code(view) {
  const chosen = sessionStorage.getItem("language") ?? "curl";
  const text = LANGUAGES[chosen](ROOT.href, view.loss.name, view.request);
  const pick = (name) => (sessionStorage.setItem("language", name), code(view));
  const tabs = Object.keys(LANGUAGES).map((name) => el("button", { type: "button", "aria-pressed": String(name === chosen), click: () => pick(name) }, name));
  const copy = el("button", { type: "button", class: "copy", click: async () => (await navigator.clipboard.writeText(text), (copy.textContent = "Copied")) }, "Copy");
  document.getElementById("code").replaceChildren(el("div", { class: "tabs" }, tabs, copy), el("pre", { tabindex: 0 }, text));
}

// JSON with the tensors of a request, or CSV whose header names the inputs; several columns of a name become the axis after the samples.
export function parsed(text) {
  if (text.trim().startsWith("{")) return JSON.parse(text);
  const [head, ...lines] = text.trim().split(/\r?\n/).map((line) => line.split(/[,;\t]/).map((cell) => cell.trim()));
  const names = head.map((name) => name.replace(/[_.]?\d+$/, ""));
  return Object.fromEntries([...new Set(names)].map((name) => {
    const columns = names.flatMap((one, i) => (one === name ? [i] : []));
    return [name, lines.map((cells) => (columns.length > 1 ? columns.map((i) => Number(cells[i])) : Number(cells[columns[0]])))];
  }));
}

function own(view) {
  const host = document.getElementById("own");
  if (!host) return;
  const { loss } = view, names = tensors(view).filter((name) => loss.picture.repeated.includes(name) || loss.picture.moved.includes(name));
  const box = el("textarea", { rows: 5, "aria-label": "JSON or CSV", spellcheck: "false", placeholder: `${names.join(",")}\n0.5,1\n0.2,0   or JSON: {"${names[0]}": [0.5, 0.2], ...}` });
  const said = el("div", { role: "status" });
  const options = () => Object.fromEntries(loss.options.filter((one) => one.name in view.request).map((one) => [one.name, view.request[one.name]]));
  const evaluate = async () => {
    try {
      const body = { ...options(), ...parsed(box.value) };
      const answer = await post(loss.name, { ...body, reduction: "none", outputs: ["per_sample"] });
      const total = answer.per_sample.reduce((sum, one) => sum + one, 0), order = answer.per_sample.map((_, i) => i).sort((a, b) => answer.per_sample[b] - answer.per_sample[a]);
      const shown = Object.keys(body).filter((name) => Array.isArray(body[name]) && body[name].length === answer.per_sample.length);
      const rows = order.slice(0, 100).map((i) => [String(i), answer.per_sample[i], ...shown.map((name) => JSON.stringify(body[name][i]).slice(0, 60))]);
      const found = table(`${order.length} samples, mean of the losses ${short(total / order.length)}; worst first`, ["sample", "loss", ...shown], rows);
      found.open = true;
      said.replaceChildren(found);
    } catch (problem) {
      said.replaceChildren(el("p", { class: "problem" }, problem.message));
    }
  };
  const whole = () => (box.value = JSON.stringify(Object.fromEntries(tensors(view).map((name) => [name, view.request[name]]))));
  host.replaceChildren(box, el("div", { class: "tabs" }, el("button", { type: "button", click: evaluate }, "Evaluate"), el("button", { type: "button", click: whole }, "Take the picture's")), said);
}

opened();
