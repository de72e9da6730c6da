// One function for each kind of picture. Each makes one call of the service and returns what to show:
// {shapes, handles, said, rows}: SVG elements, places that a person moves, the readout, and the same as a table.

import { arrow, axes, colour, el, flat, nest, post, replaced, scale, shape, short, signed } from "./kit.js";

const STEPS = 240; // points of a curve: even, so that no point falls on a round label, where some values are infinite
const SIDE = 40; // points of a field along each side
const along = (low, high, n) => Array.from({ length: n }, (_, i) => low + ((high - low) * (i + 0.5)) / n);
const largest = (numbers) => Math.max(...numbers.map(Math.abs), 1e-300);

// The request for n copies of the sample; `set` gives the numbers that differ: (tensor, i) of the moved input.
function repeated(loss, request, n, name, set) {
  const body = { ...request, reduction: "none" };
  for (const input of loss.picture.repeated) body[input] = Array.from({ length: n }, () => request[input][0]);
  body[name] = body[name].map((row, i) => set(row, i));
  return body;
}

const moved = (view) => view.loss.inputs.find((input) => input.name === view.over);

// Value, gradient and curvature of one loss over one input, by one call.
async function along1(loss, request, name, xs) {
  const outputs = ["per_sample", "gradients", ...(loss.hessian ? ["hessian_diagonal"] : [])];
  const differentiable = loss.inputs.find((input) => input.name === name).gradient;
  const body = repeated(loss, request, xs.length, name, (row, i) => replaced(row, 0, xs[i]));
  const answer = await post(loss.name, differentiable ? { ...body, outputs, wrt: [name] } : { ...body, outputs: ["per_sample"] });
  const first = (tensors) => tensors?.[name]?.map((row) => flat(row)[0]);
  return { value: answer.per_sample, gradient: first(answer.gradients), curvature: first(answer.hessian_diagonal) };
}

// The part of the y axis worth seeing: all values but for a pole, and derivatives as far as the values' span reaches.
function window1(series) {
  const values = series.filter((one) => one.name.startsWith("value")).flatMap((one) => one.ys).sort((a, b) => a - b);
  const [low, high] = [values[Math.floor(values.length * 0.01)], values[Math.ceil(values.length * 0.97) - 1]];
  const span = high - low || 1;
  const others = series.flatMap((one) => one.ys);
  const bottom = Math.min(low, Math.max(Math.min(...others), low - span)), top = Math.max(high, Math.min(Math.max(...others), high + span));
  return [bottom - 0.04 * (top - bottom), top + 0.04 * (top - bottom)];
}

function window10(series) {
  const sizes = series.flatMap((one) => one.ys).map(Math.abs).filter((y) => y > 0 && Number.isFinite(y)).map(Math.log10);
  const top = sizes.length ? Math.max(...sizes) : 0;
  return [Math.max(sizes.length ? Math.min(...sizes) : -3, top - 60) - 0.2, top + 0.2];
}

// Lines over one axis; with `log` the sizes of the numbers on a logarithmic axis.
export function lines(view, xs, series, { log, names }) {
  const [low, high] = log ? window10(series) : window1(series);
  const x = scale(xs[0], xs.at(-1), 56, view.width - 12), y = scale(low, high, view.height - 40, series.length > 3 ? 62 : 28);
  let row = 14;
  const path = (ys) => {
    let pen = "M";
    return ys.map((value, i) => {
      const at = log ? Math.log10(Math.abs(value)) : value;
      if (!Number.isFinite(at)) return (pen = "M"), "";
      const point = `${pen}${x(xs[i]).toFixed(1)} ${Math.max(-1e4, Math.min(1e4, y(at))).toFixed(1)}`;
      pen = "L";
      return point;
    }).join("");
  };
  const drawn = series.map((one) => el("path", { class: `line ${one.name.replace(/ .*/, "")} ${one.dashed ? "dashed" : ""}`, d: path(one.ys) }));
  let end = x.from;
  const legend = series.map((one) => {
    const text = `${one.dashed ? "┄" : "━"} ${one.name}`, at = end + 7.6 * text.length + 14 > view.width ? x.from : end;
    row += at < end ? 17 : 0;
    end = at + 7.6 * text.length + 14;
    return el("text", { class: `key ${one.name.replace(/ .*/, "")}`, x: at, y: row }, text);
  });
  const write = log ? (at) => short(+(10 ** at).toPrecision(2)) : short;
  return { x, y, shapes: [axes(x, y, names, { write }), el("svg", { class: "clip", x: 0, y: y.to, width: view.width, height: y.from - y.to, viewBox: `0 ${y.to} ${view.width} ${y.from - y.to}` }, drawn), legend].flat() };
}

// Value, gradient and curvature over one number; a second loss dashed over it.
async function curve(view) {
  const { loss, request, over } = view;
  const [low, high] = moved(view).range;
  const xs = along(low, high, STEPS);
  const at = flat(request[over])[0];
  const own = await along1(loss, request, over, [...xs, at]); // the last point is the one that the readout names
  const here = Object.entries(own).filter(([, ys]) => ys).map(([name, ys]) => [name, ys.pop()]);
  const named = (found, suffix, dashed) => Object.entries(found).filter(([, ys]) => ys).map(([name, ys]) => ({ name: name + suffix, ys, dashed }));
  const series = named(own, "", false);
  if (view.peer) {
    const shared = Object.fromEntries(Object.keys(view.peer.picture.request).map((name) => [name, request[name] ?? view.peer.picture.request[name]]));
    series.push(...named(await along1(view.peer, shared, view.peer.inputs.some((i) => i.name === over) ? over : view.peer.picture.moved[0], xs), ` of ${view.peer.name}`, true));
  }
  const { x, y, shapes } = lines(view, xs, series, { log: view.log, names: [view.log ? `${over}; sizes` : over, ""] });
  const handle = { x: x(at), y: view.log ? y.from : Math.max(y.to, Math.min(y.from, y(here[0][1]))), label: over, value: at, drag: (px) => view.set(over, 0, Math.max(low, Math.min(high, x.back(px)))) };
  return {
    shapes: [el("line", { class: "cursor", x1: handle.x, x2: handle.x, y1: y.from, y2: y.to }), ...shapes],
    handles: [handle],
    said: [[over, at], ...here],
    rows: [[over, ...series.map((one) => one.name)], ...xs.flatMap((value, i) => (i % 12 === 6 ? [[value, ...series.map((one) => one.ys[i])]] : []))],
  };
}

// The value over two numbers of a sample as a heat map, with arrows down the gradient.
async function field(view) {
  const { loss, request, over } = view;
  const [low, high] = moved(view).range;
  const size = view.width - 130, tall = view.height - 66;
  const x = scale(low, high, 56, 56 + size), y = scale(low, high, 26 + tall, 26);
  const points = along(low, high, SIDE);
  const body = repeated(loss, request, SIDE * SIDE + 1, over, (row, i) => {
    if (i === SIDE * SIDE) return row;
    return nest(flat(row).with(0, points[i % SIDE]).with(1, points[Math.floor(i / SIDE)]), shape(row));
  });
  const answer = await post(loss.name, { ...body, outputs: ["per_sample", "gradients"], wrt: [over] });
  const values = answer.per_sample.slice(0, -1), slopes = answer.gradients[over].map(flat);
  const sorted = [...values].sort((a, b) => a - b);
  const bottom = sorted[0], top = sorted[Math.floor(sorted.length * 0.98)];
  const canvas = Object.assign(document.createElement("canvas"), { width: SIDE, height: SIDE });
  const pixels = new ImageData(SIDE, SIDE);
  values.forEach((value, i) => pixels.data.set([...colour((value - bottom) / (top - bottom || 1)), 255], 4 * ((SIDE - 1 - Math.floor(i / SIDE)) * SIDE + (i % SIDE))));
  canvas.getContext("2d").putImageData(pixels, 0, 0);
  const inner = slopes.slice(0, -1).filter((_, i) => i % SIDE % 4 === 2 && Math.floor(i / SIDE) % 4 === 2);
  const most = largest(inner.flatMap(([a, b]) => [a, b]));
  const arrows = slopes.slice(0, -1).map(([a, b], i) => {
    if (i % SIDE % 4 !== 2 || Math.floor(i / SIDE) % 4 !== 2) return "";
    return arrow(x(points[i % SIDE]), y(points[Math.floor(i / SIDE)]), (-a / most) * tall * 0.09, (b / most) * tall * 0.09);
  });
  const [a, b] = flat(request[over]);
  const clamp = (value) => Math.max(low, Math.min(high, value));
  const bar = Array.from({ length: 20 }, (_, i) => el("rect", { x: 70 + size, y: 26 + (tall * (19 - i)) / 20, width: 12, height: tall / 20 + 0.5, fill: `rgb(${colour(i / 19)})` }));
  const keyed = [...bar, el("text", { x: 86 + size, y: 36 }, short(+top.toPrecision(3))), el("text", { x: 86 + size, y: 26 + tall }, short(+bottom.toPrecision(3)))];
  return {
    shapes: [el("image", { x: x.from, y: y.to, width: size, height: tall, href: canvas.toDataURL(), preserveAspectRatio: "none" }), ...arrows, axes(x, y, [`${over}[0]`, `${over}[1]`]), ...keyed],
    handles: [{ x: x(a), y: y(b), label: `${over} 0 and 1`, value: `${short(a)}, ${short(b)}`, drag: (px, py) => view.setAll(over, flat(request[over]).with(0, clamp(x.back(px))).with(1, clamp(y.back(py)))) }],
    said: [["value", answer.per_sample.at(-1)], [`${over}[0]`, a], [`${over}[1]`, b], ["gradient", slopes.at(-1).slice(0, 2).map(short).join(", ")]],
    rows: [[`${over}[0]`, `${over}[1]`, "value", "gradient 0", "gradient 1"], ...values.flatMap((value, i) => (i % SIDE % 8 === 4 && Math.floor(i / SIDE) % 8 === 4 ? [[points[i % SIDE], points[Math.floor(i / SIDE)], value, ...slopes[i].slice(0, 2)]] : []))],
  };
}

// The value and the gradients of the request as it stands.
async function asked(view) {
  const names = view.loss.picture.moved.filter((name) => view.loss.inputs.find((input) => input.name === name)?.gradient);
  const answer = await post(view.loss.name, { ...view.request, ...(names.length && { outputs: ["value", "per_sample", "gradients"], wrt: names }) });
  const slopes = Object.fromEntries(Object.entries(answer.gradients ?? {}).map(([name, tensor]) => [name, flat(tensor)]));
  const rows = Object.entries(slopes).flatMap(([name, numbers]) => numbers.map((slope, i) => [`${name}[${i}]`, flat(view.request[name])[i], slope]));
  return { answer, slopes, said: [["value", answer.value]], rows: [["number", "value", "gradient"], ...rows] };
}

// Two boxes with corners that one drags, and the way down for the corners of the first.
async function boxes(view) {
  const found = await asked(view);
  const { request, loss } = view;
  const reach = Math.max(4, ...loss.picture.moved.flatMap((name) => flat(loss.picture.request[name]))) + 1;
  const unit = (view.height - 66) / (reach + 1);
  const x = scale(-1, -1 + (view.width - 64) / unit, 44, view.width - 20), y = scale(-1, reach, 26, view.height - 40);
  const most = largest(Object.values(found.slopes).flat());
  const handles = [], shapes = [axes(x, scale(reach, -1, view.height - 40, 26), ["x", "y, downwards"])];
  loss.picture.moved.forEach((name, which) => {
    const [x1, y1, x2, y2] = flat(request[name]);
    shapes.push(el("rect", { class: `box box${which}`, x: x(x1), y: y(y1), width: x(x2) - x(x1), height: y(y2) - y(y1) }));
    shapes.push(el("text", { class: `key box${which}`, x: x(x1) + 6, y: which ? y(y2) - 8 : y(y1) + 16 }, name));
    const within = (value) => Math.max(-1, Math.min(x.high, value));
    const corner = (i, j) => (px, py) => {
      const now = flat(request[name]), [u, v] = [within(x.back(px)), within(y.back(py))];
      const horizontal = i === 0 ? Math.min(u, now[2]) : Math.max(u, now[0]), vertical = j === 1 ? Math.min(v, now[3]) : Math.max(v, now[1]);
      view.setAll(name, now.with(i, horizontal).with(j, vertical));
    };
    const middle = (px, py) => {
      const now = flat(request[name]), [w, h] = [now[2] - now[0], now[3] - now[1]], [u, v] = [x.back(px) - w / 2, y.back(py) - h / 2];
      view.setAll(name, [u, v, u + w, v + h]);
    };
    handles.push({ x: x((x1 + x2) / 2), y: y((y1 + y2) / 2), label: `middle of ${name}`, value: `${short(x1)}, ${short(y1)}`, drag: middle });
    for (const [i, j, px, py] of [[0, 1, x1, y1], [2, 1, x2, y1], [0, 3, x1, y2], [2, 3, x2, y2]]) {
      handles.push({ x: x(px), y: y(py), label: `corner of ${name}`, value: `${short(px)}, ${short(py)}`, drag: corner(i, j) });
    }
    const slope = found.slopes[name];
    if (slope && !which) for (const [i, j, px, py] of [[0, 1, x1, y1], [2, 3, x2, y2]]) shapes.push(arrow(x(px), y(py), (-slope[i] / most) * 50, (-slope[j] / most) * 50));
  });
  return { ...found, shapes, handles };
}

// Vectors as points of the plane, coloured by label, each with its way down.
async function points(view) {
  const found = await asked(view);
  const { loss, request } = view;
  const all = loss.picture.moved.flatMap((name) => flat(loss.picture.request[name]));
  const [low, high] = [Math.min(...all, 0), Math.max(...all, 0)], room = 0.35 * (high - low || 1);
  const size = Math.min(view.width - 70, view.height - 66);
  const wide = ((high - low + 2 * room) * (view.width - 70)) / size;
  const left = (low + high - wide) / 2;
  const x = scale(left, left + wide, 50, view.width - 20), y = scale(low - room, high + room, 26 + size, 26);
  const most = largest(Object.values(found.slopes).flat());
  const labels = request.labels && loss.inputs.find((input) => input.name === "labels")?.kind === "integer" ? flat(request.labels) : [];
  const shapes = [axes(x, y, ["first", "second"])], handles = [];
  loss.picture.moved.forEach((name, which) => {
    const numbers = flat(request[name]), slope = found.slopes[name];
    for (let i = 0; i < numbers.length; i += 2) {
      const [px, py] = [x(numbers[i]), y(numbers[i + 1])], hue = (labels.length === numbers.length / 2 ? labels[i / 2] : which ? which + 2 : i / 2) % 6;
      if (slope) shapes.push(arrow(px, py, (-slope[i] / most) * 60, (slope[i + 1] / most) * 60));
      shapes.push(el("line", { class: "spoke", x1: x(0), y1: y(0), x2: px, y2: py }), el("text", { class: "key", x: px + (px > view.width - 110 ? -10 : 10), y: py - 8, "text-anchor": px > view.width - 110 ? "end" : "start" }, numbers.length > 2 ? `${name}[${i / 2}]` : name));
      handles.push({ x: px, y: py, hue, square: which > 0, label: `${name} ${i / 2}`, value: `${short(numbers[i])}, ${short(numbers[i + 1])}`, drag: (u, v) => view.setAll(name, flat(request[name]).with(i, x.back(u)).with(i + 1, y.back(v))) });
    }
  });
  return { ...found, shapes, handles };
}

// The items of a query in the order of their scores; a bar is as high as its item is relevant, an arrow says which way its score is pushed.
async function ranking(view) {
  const found = await asked(view);
  const [name] = view.loss.picture.moved;
  const scores = flat(view.request[name]), relevant = flat(view.request.labels), slope = found.slopes[name];
  const order = scores.map((_, i) => i).sort((a, b) => scores[b] - scores[a]);
  const x = scale(0, scores.length, 20, view.width - 20), tall = (view.height - 110) / Math.max(...relevant, 1), most = largest(slope);
  const base = view.height - 70;
  const shapes = [el("text", { class: "axis", x: 20, y: 16 }, "highest score first; drag, or use the arrow keys")], handles = [];
  order.forEach((item, place) => {
    const middle = x(place + 0.5), width = (x(1) - x(0)) * 0.6, height = 6 + tall * relevant[item];
    shapes.push(el("rect", { class: `bar hue${item % 6}`, x: middle - width / 2, y: base - height, width, height }));
    shapes.push(arrow(middle, base + 34, (-slope[item] / most) * -0.9 * width, 0));
    shapes.push(el("text", { x: middle, y: base + 18, "text-anchor": "middle" }, `${short(scores[item])}`), el("text", { class: "axis", x: middle, y: base + 58, "text-anchor": "middle" }, `gain ${short(relevant[item])}`));
    const drag = (px) => {
      const now = flat(view.request[name]), sorted = [...now].sort((a, b) => b - a), ranked = now.map((_, i) => i).sort((a, b) => now[b] - now[a]);
      const target = Math.max(0, Math.min(scores.length - 1, Math.floor(x.back(px))));
      ranked.splice(target, 0, ...ranked.splice(ranked.indexOf(item), 1));
      view.setAll(name, now.map((_, i) => sorted[ranked.indexOf(i)]));
    };
    handles.push({ key: item, x: middle, y: base - height / 2, label: `item ${item}, gain ${relevant[item]}`, value: `place ${place + 1}`, drag, step: x(1) - x(0) });
  });
  return { ...found, shapes, handles };
}

// Images and masks that one paints, and the gradient of the first: red wants less, blue wants more.
async function grid(view) {
  const found = await asked(view);
  const { loss, request } = view;
  const names = [...loss.picture.moved, "gradient"], slope = found.slopes[loss.picture.moved[0]];
  const sizes = shape(request[loss.picture.moved[0]]), [rows, columns] = sizes.slice(-2), most = largest(slope);
  const beside = view.width < 560 ? 2 : names.length; // a finger needs pixels of its size
  const each = Math.min(260, (view.width - 20 * beside) / beside), cell = each / Math.max(columns, rows);
  const height = 40 * Math.ceil(names.length / beside) + rows * cell * Math.ceil(names.length / beside);
  const shapes = [], areas = [];
  names.forEach((name, which) => {
    const left = 12 + (which % beside) * (each + 16), top = 28 + Math.floor(which / beside) * (rows * cell + 36), input = loss.inputs.find((one) => one.name === name);
    const numbers = which === names.length - 1 ? slope : flat(request[name]);
    const [low, high] = input ? [Math.min(input.range[0], ...numbers), Math.max(input.range[1], ...numbers)] : [-most, most];
    shapes.push(el("text", { class: "axis", x: left, y: top - 10 }, input ? `${name} (paint)` : name));
    for (let i = 0; i < rows * columns; i++) {
      const fill = input ? `rgb(${colour((numbers[i] - low) / (high - low || 1))})` : signed(numbers[i] / most);
      shapes.push(el("rect", { class: "cell", x: left + (i % columns) * cell, y: top + Math.floor(i / columns) * cell, width: cell - 1, height: cell - 1, fill }));
    }
    if (input) areas.push({ name, left, top, cell, rows, columns, brush: input.values ?? [low, high] });
  });
  const paint = (px, py, first) => {
    const area = areas.find((one) => px >= one.left && px < one.left + one.columns * one.cell && py >= one.top && py < one.top + one.rows * one.cell);
    if (!area) return;
    const at = Math.floor((py - area.top) / area.cell) * area.columns + Math.floor((px - area.left) / area.cell);
    const [off, on] = [area.brush[0], area.brush.at(-1)];
    if (first) view.brush = flat(request[area.name])[at] > (off + on) / 2 ? off : on;
    view.set(area.name, at, view.brush);
  };
  const start = areas[0], place = view.place ?? 0;
  const cursor = { x: start.left + ((place % columns) + 0.5) * cell, y: start.top + (Math.floor(place / columns) + 0.5) * cell, label: "pixel to paint with the space bar", value: place, press: (px, py) => paint(px, py, true) };
  cursor.drag = (px, py) => {
    const at = [Math.floor((py - start.top) / cell), Math.floor((px - start.left) / cell)];
    view.place = Math.max(0, Math.min(rows - 1, at[0])) * columns + Math.max(0, Math.min(columns - 1, at[1]));
    view.redraw();
  };
  return { ...found, shapes, handles: [{ ...cursor, step: cell, quiet: true }], paint, height };
}

// Time to the right, states upwards. A node is as dark as its share of the paths (minus the gradient); raising it raises its score.
// The states are the tags (CRF), the labels emitted (transducer), or the labels with blanks between them (CTC).
async function lattice(view) {
  const found = await asked(view);
  const { loss, request } = view;
  const [name] = loss.picture.moved, numbers = flat(request[name]), slope = found.slopes[name], most = largest(slope);
  const input = loss.inputs.find((one) => one.name === name), [low, high] = input.range;
  const [times, width, symbols = 1] = shape(request[name]).filter((_, axis) => input.axes[axis] !== "n");
  const ctc = symbols === 1 && loss.options.some((option) => option.name === "blank"), blank = request.blank ?? 0;
  const states = ctc ? [blank, ...flat(request.labels).flatMap((label) => [label, blank])] : Array.from({ length: width }, (_, s) => s);
  const at = (t, s) => (t * width + (ctc ? states[s] : s)) * symbols;
  const x = scale(-0.6, times - 0.4, 60, view.width - 20), y = scale(-0.6, states.length - 0.4, view.height - 40, 30);
  const share = (t, s) => Math.max(...Array.from({ length: symbols }, (_, k) => -slope[at(t, s) + k]), 0) / most;
  const next = (t, s) => {
    if (symbols > 1) return [[t + 1, s], [t, s + 1]];
    if (!ctc) return states.map((_, u) => [t + 1, u]);
    return [[t + 1, s], [t + 1, s + 1], ...(states[s] !== blank && states[s + 2] !== states[s] ? [[t + 1, s + 2]] : [])];
  };
  const write = (s) => (!Number.isInteger(s) || s < 0 || s >= states.length ? "" : ctc ? (states[s] === blank ? "blank" : `label ${states[s]}`) : short(s));
  const edges = [], nodes = [], handles = [];
  for (let t = 0; t < times; t++) for (let s = 0; s < states.length; s++) {
    for (const [u, v] of next(t, s)) if (u < times && v < states.length) edges.push(el("line", { class: "edge", "stroke-width": 0.5 + 5 * Math.min(share(t, s), symbols > 1 ? 1 : share(u, v)), x1: x(t), y1: y(s), x2: x(u), y2: y(v) }));
    nodes.push(el("circle", { class: "node", cx: x(t), cy: y(s), r: 17 }), el("circle", { cx: x(t), cy: y(s), r: 17, fill: signed(-share(t, s)) }));
    nodes.push(el("text", { class: "score", x: x(t) + 20, y: y(s) + 4 }, short(numbers[at(t, s)])));
    const drag = (px, py, from) => view.set(name, at(t, s), Math.max(low, Math.min(high, (from ?? numbers[at(t, s)]) + (y(s) - py) / 40)));
    handles.push({ x: x(t), y: y(s), label: `score of state ${write(s)} at time ${t}`, value: numbers[at(t, s)], drag });
  }
  return { ...found, shapes: [axes(x, y, ["time", symbols > 1 ? "labels emitted" : "state"], { whole: true, write }), ...edges, ...nodes], handles };
}

// Each number of an input as a bar that one drags, with the way down.
async function bars(view) {
  const found = await asked(view);
  const { loss, request, over } = view;
  const numbers = flat(request[over]), slope = found.slopes[over] ?? [], [low, high] = moved(view).range, most = largest(slope);
  const x = scale(-0.5, numbers.length - 0.5, 56, view.width - 12), y = scale(Math.min(low, 0), Math.max(high, 0), view.height - 40, 26);
  const target = loss.inputs.find((input) => input.name === "labels" && input.name !== over && flat(request.labels).length === numbers.length);
  const shapes = [axes(x, y, ["place", over], { whole: true })], width = Math.min(40, (x(1) - x(0)) * 0.6);
  const handles = numbers.map((number, i) => {
    const middle = x(i);
    shapes.push(el("rect", { class: "bar hue0", x: middle - width / 2, y: Math.min(y(0), y(number)), width, height: Math.max(2, Math.abs(y(number) - y(0))) }));
    if (target) shapes.push(el("line", { class: "target", x1: middle - width / 2 - 4, x2: middle + width / 2 + 4, y1: y(flat(request.labels)[i]), y2: y(flat(request.labels)[i]) }));
    if (slope.length) shapes.push(arrow(middle, y(number), 0, (slope[i] / most) * 60));
    return { x: middle, y: y(number), label: `${over} ${i}`, value: number, drag: (px, py) => view.set(over, i, Math.max(low, Math.min(high, y.back(py)))) };
  });
  return { ...found, shapes, handles };
}

export const pictures = { curve, field, boxes, points, ranking, grid, lattice, bars };

// What a library gives beside the exact numbers of the service, over one number of a request, on a logarithmic axis.
export async function contrast(view, found) {
  const body = repeated({ picture: { repeated: Object.keys(found.request) } }, found.request, found.over.length, found.input, (row, i) => replaced(row, found.at, found.over[i]));
  const answer = await post(view.loss.name, { ...body, ...found.options, outputs: ["per_sample", "gradients"], wrt: [found.input] });
  const exact = found.of === "value" ? answer.per_sample : answer.gradients[found.input].map((row) => flat(row)[found.at]);
  const series = [{ name: "value here, exact", ys: exact }, { name: `library: ${found.library}`, ys: found.library_numbers.map((y) => y ?? NaN), dashed: true }];
  return lines(view, found.over, series, { log: true, names: [`${found.axis}; size of the ${found.of}`, ""] }).shapes;
}
