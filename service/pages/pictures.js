// One function for each kind of picture. Each makes one call of the service and returns what to show:
// {shapes, handles, said, rows}: SVG elements, places that a person moves, the readout, and the same as a table.

import { arrow, axes, block, clamp, color, el, flat, nest, post, replaced, rule, scale, shape, short, signed, text } from "./kit.js";

const STEPS = 240; // points of a curve: even, so that no point falls on a round label, where some values are infinite
const SIDE = 40; // points of a field along each side
const along = (low, high, n) => Array.from({ length: n }, (_, i) => low + ((high - low) * (i + 0.5)) / n);
const largest = (numbers) => Math.max(...numbers.map(Math.abs), 1e-300);
const inputOf = (loss, name) => loss.inputs.find((input) => input.name === name);

// The request for n copies of the sample; `set` gives the i-th of the moved input.
function repeated(names, request, n, name, set) {
  const body = { ...request, reduction: "none" };
  for (const input of names) body[input] = Array.from({ length: n }, () => request[input][0]);
  body[name] = body[name].map(set);
  return body;
}

// Value, gradient and curvature of a loss at each of some numbers of an input, by one call.
async function traced(loss, request, name, xs) {
  const outputs = ["per_sample", "gradients", ...(loss.hessian ? ["hessian_diagonal"] : [])];
  const body = repeated(loss.picture.repeated, request, xs.length, name, (row, i) => replaced(row, 0, xs[i]));
  const answer = await post(loss.name, inputOf(loss, name).gradient ? { ...body, outputs, wrt: [name] } : { ...body, outputs: ["per_sample"] });
  const first = (tensors) => tensors?.[name]?.map((row) => flat(row)[0]);
  const found = { value: answer.per_sample, gradient: first(answer.gradients), curvature: first(answer.hessian_diagonal) };
  return Object.entries(found).filter(([, ys]) => ys).map(([kind, ys]) => ({ kind, name: kind, ys }));
}

// The part of the y axis worth seeing: all values but for a pole, and derivatives as far as the values' span reaches.
function linear(series) {
  const values = series.filter((one) => one.kind === "value").flatMap((one) => one.ys).sort((a, b) => a - b);
  const [low, high] = [values[Math.floor(values.length * 0.01)], values[Math.ceil(values.length * 0.97) - 1]];
  const span = high - low || 1, all = series.flatMap((one) => one.ys);
  const bottom = Math.min(low, Math.max(Math.min(...all), low - span)), top = Math.max(high, Math.min(Math.max(...all), high + span));
  return [bottom - 0.04 * (top - bottom), top + 0.04 * (top - bottom)];
}

// The same of the sizes' logarithms, down to sixty decades.
function logarithmic(series) {
  const sizes = series.flatMap((one) => one.ys).map(Math.abs).filter((y) => y > 0 && Number.isFinite(y)).map(Math.log10);
  const top = Math.max(...sizes, -300);
  return [Math.max(Math.min(...sizes, top), top - 60) - 0.2, top + 0.2];
}

// Lines over one axis, {kind, name, ys, dashed}; with `log` the sizes of the numbers on a logarithmic axis.
function lines(view, xs, series, below, log) {
  const [low, high] = log ? logarithmic(series) : linear(series);
  const x = scale(xs[0], xs.at(-1), 56, view.width - 12);
  let end = x.from, row = 14;
  const legend = series.map((one) => {
    const words = `${one.dashed ? "┄" : "━"} ${one.name}`, wide = 7.6 * words.length + 14;
    if (end + wide > view.width) [end, row] = [x.from, row + 17];
    end += wide;
    return text(end - wide, row, words, { class: `key ${one.kind}` });
  });
  const y = scale(low, high, view.height - 40, row + 14);
  const path = (ys) => {
    let pen = "M";
    const points = ys.map((value, i) => {
      const at = log ? Math.log10(Math.abs(value)) : value;
      const point = Number.isFinite(at) ? `${pen}${x(xs[i]).toFixed(1)} ${clamp(y(at), -1e4, 1e4).toFixed(1)}` : "";
      pen = point ? "L" : "M";
      return point;
    });
    return points.join("");
  };
  const drawn = series.map((one) => el("path", { class: `line ${one.kind} ${one.dashed ? "dashed" : ""}`, d: path(one.ys) }));
  const inside = { x: 0, y: y.to, width: view.width, height: y.from - y.to, viewBox: `0 ${y.to} ${view.width} ${y.from - y.to}` };
  const write = log ? (at) => short(+(10 ** at).toPrecision(2)) : short;
  return { x, y, shapes: [axes(x, y, [below, ""], { write }), el("svg", inside, drawn), ...legend] };
}

// Value, gradient and curvature over one number; a second loss dashed over it.
async function curve(view) {
  const { loss, request, over, peer, log } = view;
  const [low, high] = inputOf(loss, over).range, at = flat(request[over])[0];
  const xs = along(low, high, STEPS);
  const series = await traced(loss, request, over, [...xs, at]); // the last point is the one that the readout names
  const here = series.map((one) => [one.name, one.ys.pop()]);
  if (peer) {
    const theirs = peer.picture.request, shared = Object.fromEntries(Object.keys(theirs).map((name) => [name, request[name] ?? theirs[name]]));
    const others = await traced(peer, shared, inputOf(peer, over) ? over : peer.picture.moved[0], xs);
    series.push(...others.map((one) => ({ ...one, name: `${one.name} of ${peer.name}`, dashed: true })));
  }
  const { x, y, shapes } = lines(view, xs, series, log ? `${over}; sizes` : over, log);
  const drag = (px) => view.set(over, 0, clamp(x.back(px), low, high));
  const sampled = xs.flatMap((value, i) => (i % 12 === 6 ? [[value, ...series.map((one) => one.ys[i])]] : []));
  return {
    shapes: [rule(x(at), y.from, x(at), y.to, "cursor"), ...shapes],
    handles: [{ x: x(at), y: log ? y.from : clamp(y(here[0][1]), y.to, y.from), label: over, value: at, drag }],
    said: [[over, at], ...here],
    rows: [[over, ...series.map((one) => one.name)], ...sampled],
  };
}

// The value over two numbers of a sample as a heat map, with arrows down the gradient.
async function field(view) {
  const { loss, request, over } = view;
  const [low, high] = inputOf(loss, over).range, wide = view.width - 130, tall = view.height - 66, most = SIDE * SIDE;
  const x = scale(low, high, 56, 56 + wide), y = scale(low, high, 26 + tall, 26);
  const points = along(low, high, SIDE), place = (i) => [i % SIDE, Math.floor(i / SIDE)];
  const every = (step) => Array.from({ length: most }, (_, i) => i).filter((i) => place(i).every((at) => at % step === step / 2));
  const set = (row, i) => (i === most ? row : nest(flat(row).with(0, points[place(i)[0]]).with(1, points[place(i)[1]]), shape(row)));
  const body = repeated(loss.picture.repeated, request, most + 1, over, set);
  const answer = await post(loss.name, { ...body, outputs: ["per_sample", "gradients"], wrt: [over] });
  const values = answer.per_sample.slice(0, most), slopes = answer.gradients[over].map(flat);
  const sorted = [...values].sort((a, b) => a - b), bottom = sorted[0], top = sorted[Math.floor(most * 0.98)];
  const share = (value) => (value - bottom) / (top - bottom || 1);
  const longest = largest(every(4).flatMap((i) => slopes[i].slice(0, 2))) / (0.09 * tall);
  const arrows = every(4).map((i) => arrow(x(points[place(i)[0]]), y(points[place(i)[1]]), -slopes[i][0] / longest, slopes[i][1] / longest));
  const bar = along(0, 1, 20).map((at) => block(70 + wide, 26 + tall * (0.975 - at), 12, tall / 20 + 0.5, { fill: `rgb(${color(at)})` }));
  const ends = [text(86 + wide, 36, short(+top.toPrecision(3))), text(86 + wide, 26 + tall, short(+bottom.toPrecision(3)))];
  const head = [`${over}[0]`, `${over}[1]`, "value", "gradient 0", "gradient 1"];
  const [a, b] = flat(request[over]), inside = (value) => clamp(value, low, high);
  const drag = (px, py) => view.setAll(over, flat(request[over]).with(0, inside(x.back(px))).with(1, inside(y.back(py))));
  return {
    shapes: [image(values.map(share), x, y), ...arrows, axes(x, y, [`${over}[0]`, `${over}[1]`]), ...bar, ...ends],
    handles: [{ x: x(a), y: y(b), label: `${over} 0 and 1`, value: `${short(a)}, ${short(b)}`, drag }],
    said: [["value", answer.per_sample[most]], [`${over}[0]`, a], [`${over}[1]`, b], ["gradient", slopes[most].slice(0, 2).map(short).join(", ")]],
    rows: [head, ...every(8).map((i) => [...place(i).map((at) => points[at]), values[i], ...slopes[i].slice(0, 2)])],
  };
}

// Shares of a square of numbers, the first row below, as a smooth image.
function image(shares, x, y) {
  const canvas = Object.assign(document.createElement("canvas"), { width: SIDE, height: SIDE }), pixels = new ImageData(SIDE, SIDE);
  shares.forEach((share, i) => pixels.data.set([...color(share), 255], 4 * ((SIDE - 1 - Math.floor(i / SIDE)) * SIDE + (i % SIDE))));
  canvas.getContext("2d").putImageData(pixels, 0, 0);
  return el("image", { x: x.from, y: y.to, width: x.to - x.from, height: y.from - y.to, href: canvas.toDataURL(), preserveAspectRatio: "none" });
}

// The value and the gradients of the request as it stands.
async function asked({ loss, request }) {
  const names = loss.picture.moved.filter((name) => inputOf(loss, name)?.gradient);
  const answer = await post(loss.name, { ...request, ...(names.length && { outputs: ["value", "per_sample", "gradients"], wrt: names }) });
  const slopes = Object.fromEntries(Object.entries(answer.gradients ?? {}).map(([name, tensor]) => [name, flat(tensor)]));
  const rows = Object.entries(slopes).flatMap(([name, all]) => all.map((slope, i) => [`${name}[${i}]`, flat(request[name])[i], slope]));
  return { slopes, most: largest(Object.values(slopes).flat()), said: [["value", answer.value]], rows: [["number", "value", "gradient"], ...rows] };
}

// Two boxes with corners that one drags, and the way down for the corners of the first.
async function boxes(view) {
  const found = await asked(view), { loss, request } = view, { moved } = loss.picture;
  const reach = 1 + Math.max(4, ...moved.flatMap((name) => flat(loss.picture.request[name])));
  const wide = (reach + 1) * ((view.width - 64) / (view.height - 66)); // one unit is as long on both axes
  const x = scale(-1, wide - 1, 44, view.width - 20), y = scale(-1, reach, 26, view.height - 40);
  const handles = [], shapes = [axes(x, scale(reach, -1, view.height - 40, 26), ["x", "y, downwards"])];
  moved.forEach((name, which) => {
    const [x1, y1, x2, y2] = flat(request[name]), slope = found.slopes[name];
    shapes.push(block(x(x1), y(y1), x(x2) - x(x1), y(y2) - y(y1), { class: `box box${which}` }));
    shapes.push(text(x(x1) + 12, which ? y(y2) - 12 : y(y1) + 20, name, { class: `key box${which}` }));
    const corner = (i, j) => (px, py) => {
      const now = flat(request[name]), u = clamp(x.back(px), -1, x.high), v = clamp(y.back(py), -1, reach);
      view.setAll(name, now.with(i, i ? Math.max(u, now[0]) : Math.min(u, now[2])).with(j, j === 3 ? Math.max(v, now[1]) : Math.min(v, now[3])));
    };
    const middle = (px, py) => {
      const now = flat(request[name]), [w, h] = [now[2] - now[0], now[3] - now[1]], [u, v] = [x.back(px) - w / 2, y.back(py) - h / 2];
      view.setAll(name, [u, v, u + w, v + h]);
    };
    const place = (px, py, label, drag) =>
      handles.push({ x: x(px), y: y(py), label: `${label} of ${name}`, value: `${short(px)}, ${short(py)}`, drag });
    place((x1 + x2) / 2, (y1 + y2) / 2, "middle", middle);
    for (const [i, j, px, py] of [[0, 1, x1, y1], [2, 1, x2, y1], [0, 3, x1, y2], [2, 3, x2, y2]]) {
      place(px, py, "corner", corner(i, j));
      if (slope && !which && i + j !== 3) shapes.push(arrow(x(px), y(py), (-50 * slope[i]) / found.most, (-50 * slope[j]) / found.most));
    }
  });
  return { ...found, shapes, handles };
}

// Vectors as points of the plane, colored by label, each with its way down.
async function points(view) {
  const found = await asked(view), { loss, request } = view, { moved } = loss.picture;
  const all = moved.flatMap((name) => flat(loss.picture.request[name]));
  const low = Math.min(...all, 0), high = Math.max(...all, 0), room = 0.35 * (high - low || 1);
  const wide = ((high - low + 2 * room) * (view.width - 70)) / (view.height - 66), left = (low + high - wide) / 2;
  const x = scale(left, left + wide, 50, view.width - 20), y = scale(low - room, high + room, view.height - 40, 26);
  const labels = inputOf(loss, "labels")?.kind === "integer" ? flat(request.labels) : [];
  const shapes = [axes(x, y, ["first", "second"])], handles = [];
  moved.forEach((name, which) => {
    const numbers = flat(request[name]), slope = found.slopes[name], count = numbers.length / 2;
    for (let i = 0; i < count; i++) {
      const [u, v] = numbers.slice(2 * i, 2 * i + 2), hue = (labels.length === count && !which ? labels[i] : which ? which + 2 : i) % 6;
      const right = x(u) > view.width - 110;
      if (slope) shapes.push(arrow(x(u), y(v), (-60 * slope[2 * i]) / found.most, (60 * slope[2 * i + 1]) / found.most));
      shapes.push(rule(x(0), y(0), x(u), y(v), "spoke"));
      const words = count > 1 ? `${name}[${i}]` : name;
      shapes.push(text(x(u) + (right ? -10 : 10), y(v) - 8, words, { class: "key", "text-anchor": right ? "end" : "start" }));
      const drag = (px, py) => view.setAll(name, flat(request[name]).with(2 * i, x.back(px)).with(2 * i + 1, y.back(py)));
      handles.push({ x: x(u), y: y(v), hue, square: which > 0, label: `${name} ${i}`, value: `${short(u)}, ${short(v)}`, drag });
    }
  });
  return { ...found, shapes, handles };
}

// The items of a query in the order of their scores; a bar is as high as its item is relevant, an arrow says which way its score is pushed.
async function ranking(view) {
  const found = await asked(view), [name] = view.loss.picture.moved;
  const scores = flat(view.request[name]), relevant = flat(view.request.labels), ranked = (of) => of.map((_, i) => i).sort((a, b) => of[b] - of[a]);
  const x = scale(0, scores.length, 20, view.width - 20), slot = x(1) - x(0), base = view.height - 70;
  const tall = (view.height - 110) / Math.max(...relevant, 1);
  const shapes = [text(20, 16, "highest score first; drag, or use the arrow keys", { class: "axis" })], handles = [];
  ranked(scores).forEach((item, at) => {
    const middle = x(at + 0.5), height = 6 + tall * relevant[item], centered = { class: "axis", "text-anchor": "middle" };
    shapes.push(block(middle - 0.3 * slot, base - height, 0.6 * slot, height, { class: `bar hue${item % 6}` }));
    shapes.push(arrow(middle, base + 34, (0.54 * slot * found.slopes[name][item]) / found.most, 0));
    shapes.push(text(middle, base + 18, short(scores[item]), centered), text(middle, base + 58, `gain ${short(relevant[item])}`, centered));
    const drag = (px) => {
      const now = flat(view.request[name]), sorted = [...now].sort((a, b) => b - a), order = ranked(now);
      order.splice(clamp(Math.floor(x.back(px)), 0, now.length - 1), 0, ...order.splice(order.indexOf(item), 1));
      view.setAll(name, now.map((_, i) => sorted[order.indexOf(i)]));
    };
    const label = `item ${item}, gain ${relevant[item]}`;
    handles.push({ key: item, x: middle, y: base - height / 2, label, value: `place ${at + 1}`, drag, step: slot });
  });
  return { ...found, shapes, handles };
}

// A bar of the colors from one number to another, with both; of gradients, blue to red around 0.
function key(left, top, width, [low, high], around) {
  const fill = (share) => (around ? signed(2 * share - 1) : `rgb(${color(share)})`);
  const bar = along(0, 1, 20).map((share, i) => block(left + (i * width) / 20, top, width / 20 + 0.5, 8, { fill: fill(share) }));
  return el("g", {}, bar, text(left, top + 24, short(low)), text(left + width, top + 24, short(high), { "text-anchor": "end" }));
}

// Images and masks that one paints, and the gradient of the first: red wants less, blue wants more.
async function grid(view) {
  const found = await asked(view), { loss, request } = view;
  const names = [...loss.picture.moved, "gradient"], slope = found.slopes[names[0]], [rows, columns] = shape(request[names[0]]).slice(-2);
  const beside = view.width < 560 ? 2 : names.length; // a finger needs pixels of its size
  const each = Math.min(260, (view.width - 20 * beside) / beside), cell = each / Math.max(columns, rows), below = rows * cell + 76;
  const shapes = [], areas = [];
  names.forEach((name, which) => {
    const left = 12 + (which % beside) * (each + 16), top = 28 + Math.floor(which / beside) * below, input = inputOf(loss, name);
    const numbers = input ? flat(request[name]) : slope;
    const [low, high] = input ? [Math.min(input.range[0], ...numbers), Math.max(input.range[1], ...numbers)] : [];
    shapes.push(text(left, top - 10, name, { class: "axis" }));
    for (let i = 0; i < rows * columns; i++) {
      const fill = input ? `rgb(${color((numbers[i] - low) / (high - low || 1))})` : signed(numbers[i] / found.most);
      shapes.push(block(left + (i % columns) * cell, top + Math.floor(i / columns) * cell, cell - 1, cell - 1, { class: "cell", fill }));
    }
    shapes.push(key(left, top + rows * cell + 8, Math.min(160, columns * cell - 1), input ? [low, high] : [-found.most, found.most], !input));
    if (input) areas.push({ name, left, top, off: input.values?.[0] ?? low, on: input.values?.at(-1) ?? high });
  });
  const paint = (px, py, first) => {
    for (const { name, left, top, off, on } of areas) {
      const [i, j] = [Math.floor((py - top) / cell), Math.floor((px - left) / cell)];
      if (i < 0 || j < 0 || i >= rows || j >= columns) continue;
      if (first) view.brush = flat(request[name])[i * columns + j] > (off + on) / 2 ? off : on;
      view.set(name, i * columns + j, view.brush);
    }
  };
  const at = view.place ?? 0, step = (position, start, count) => clamp(Math.floor((position - start) / cell), 0, count - 1);
  const drag = (px, py) => {
    view.place = step(py, areas[0].top, rows) * columns + step(px, areas[0].left, columns);
    view.redraw();
  };
  const cursor = { x: areas[0].left + ((at % columns) + 0.5) * cell, y: areas[0].top + (Math.floor(at / columns) + 0.5) * cell, value: at };
  const press = (px, py) => paint(px, py, true);
  const handles = [{ ...cursor, label: "pixel to paint with the space bar", drag, press, step: cell, quiet: true }];
  const said = [...found.said, ["to paint", "drag over the pixels, or move with the arrow keys and press space"]];
  return { ...found, said, shapes, handles, paint, height: below * Math.ceil(names.length / beside) };
}

// Time to the right, states upwards. A node is as dark as its share of the paths (minus the gradient); raising it raises its score.
// The states are the tags (CRF), the labels emitted (transducer), or the labels with blanks between them (CTC).
async function lattice(view) {
  const found = await asked(view), { loss, request } = view;
  const [name] = loss.picture.moved, numbers = flat(request[name]), slope = found.slopes[name], input = inputOf(loss, name);
  const [times, width, symbols = 1] = shape(request[name]).filter((_, axis) => input.axes[axis] !== "n");
  const ctc = symbols === 1 && loss.options.some((option) => option.name === "blank"), blank = request.blank ?? 0;
  const states = ctc ? [blank, ...flat(request.labels).flatMap((label) => [label, blank])] : Array.from({ length: width }, (_, s) => s);
  const at = (t, s) => (t * width + (ctc ? states[s] : s)) * symbols;
  const x = scale(-0.6, times - 0.4, 60, view.width - 20), y = scale(-0.6, states.length - 0.4, view.height - 40, 30);
  const share = (t, s) => Math.max(...Array.from({ length: symbols }, (_, k) => -slope[at(t, s) + k]), 0) / found.most;
  const next = (t, s) => {
    if (symbols > 1) return [[t + 1, s], [t, s + 1]];
    if (!ctc) return states.map((_, u) => [t + 1, u]);
    return [[t + 1, s], [t + 1, s + 1], ...(states[s] !== blank && states[s + 2] !== states[s] ? [[t + 1, s + 2]] : [])];
  };
  const named = (s) => (!ctc ? short(s) : states[s] === blank ? "blank" : `label ${states[s]}`);
  const write = (s) => (states[s] === undefined ? "" : named(s));
  const edges = [], nodes = [], handles = [];
  for (let t = 0; t < times; t++) for (let s = 0; s < states.length; s++) {
    for (const [u, v] of next(t, s).filter(([u, v]) => u < times && v < states.length)) {
      const shared = Math.min(share(t, s), symbols > 1 ? 1 : share(u, v));
      edges.push(rule(x(t), y(s), x(u), y(v), "edge", { "stroke-width": 0.5 + 5 * shared }));
    }
    nodes.push(...[{ class: "node" }, { fill: signed(-share(t, s)) }].map((more) => el("circle", { cx: x(t), cy: y(s), r: 17, ...more })));
    nodes.push(text(x(t) + 20, y(s) + 4, short(numbers[at(t, s)]), { class: "score" }));
    const drag = (px, py, from) => view.set(name, at(t, s), clamp((from ?? numbers[at(t, s)]) + (y(s) - py) / 40, ...input.range));
    handles.push({ x: x(t), y: y(s), label: `score of state ${named(s)} at time ${t}`, value: numbers[at(t, s)], drag });
  }
  const frame = axes(x, y, ["time", symbols > 1 ? "labels emitted" : "state"], { whole: true, write });
  return { ...found, shapes: [frame, ...edges, ...nodes], handles };
}

// Each number of an input as a bar that one drags, with the way down; the labels as marks.
async function bars(view) {
  const found = await asked(view), { loss, request, over } = view;
  const numbers = flat(request[over]), slope = found.slopes[over], [low, high] = inputOf(loss, over).range;
  const x = scale(-0.5, numbers.length - 0.5, 56, view.width - 12), y = scale(Math.min(low, 0), Math.max(high, 0), view.height - 40, 26);
  const labels = over !== "labels" && inputOf(loss, "labels")?.kind === "real" ? flat(request.labels) : [], half = Math.min(20, (x(1) - x(0)) * 0.3);
  const shapes = [axes(x, y, ["place", over], { whole: true })];
  const handles = numbers.map((number, i) => {
    shapes.push(block(x(i) - half, Math.min(y(0), y(number)), 2 * half, Math.max(2, Math.abs(y(number) - y(0))), { class: "bar hue0" }));
    if (labels.length === numbers.length) shapes.push(rule(x(i) - half - 4, y(labels[i]), x(i) + half + 4, y(labels[i]), "target"));
    if (slope) shapes.push(arrow(x(i), y(number), 0, (60 * slope[i]) / found.most));
    const drag = (px, py) => view.set(over, i, clamp(y.back(py), low, high));
    return { x: x(i), y: y(number), label: `${over} ${i}`, value: number, drag };
  });
  return { ...found, shapes, handles };
}

export const pictures = { curve, field, boxes, points, ranking, grid, lattice, bars };

// What a library gives beside the exact numbers of the service, over one number of a request, on a logarithmic axis.
export async function contrast(view, found) {
  const { request, over, input, at, library } = found;
  const body = repeated(Object.keys(request), request, over.length, input, (row, i) => replaced(row, at, over[i]));
  const answer = await post(view.loss.name, { ...body, outputs: ["per_sample", "gradients"], wrt: [input] });
  const exact = found.of === "value" ? answer.per_sample : answer.gradients[input].map((row) => flat(row)[at]);
  const theirs = { kind: "library", name: library, ys: found.library_numbers.map((y) => y ?? NaN), dashed: true };
  return lines(view, over, [{ kind: "value", name: "here, exact", ys: exact }, theirs], `${found.axis}; size of the ${found.of}`, true).shapes;
}
