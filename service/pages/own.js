// The same call in other languages, and one's own numbers.

import { el, post, ROOT, short, table } from "./kit.js";

const LANGUAGES = {
  curl: (url, name, body) => `curl -s ${url}loss/${name} -H 'content-type: application/json' \\
  -d '${JSON.stringify(body)}'`,
  Python: (url, name, body) => `import loss_client

client = loss_client.Client("${url.slice(0, -1)}")
answer = client.${name}(
${Object.entries(body).map(([key, value]) => `    ${key}=${python(value)},`).join("\n")}
)
print(answer.value, answer.gradients)`,
  TypeScript: (url, name, body) => `const response = await fetch("${url}loss/${name}", {
  method: "POST",
  headers: { "content-type": "application/json" },
  body: JSON.stringify(${JSON.stringify(body)}),
});
const { value, gradients } = await response.json();`,
  Go: (url, name, body) => `body := strings.NewReader(\`${JSON.stringify(body)}\`)
response, err := http.Post("${url}loss/${name}", "application/json", body)
if err != nil {
	log.Fatal(err)
}
defer response.Body.Close()
var answer struct {
	Value     float64         \`json:"value"\`
	Gradients json.RawMessage \`json:"gradients"\`
}
err = json.NewDecoder(response.Body).Decode(&answer)`,
};
const python = (value) => JSON.stringify(value).replace(/\btrue\b/g, "True").replace(/\bfalse\b/g, "False").replace(/\bnull\b/g, "None");
const LONGEST = 600; // characters of a request; beyond, the code shows the loss's example, with the options of the page
const optionsOf = ({ loss, request }) => Object.fromEntries(Object.entries(request).filter(([name]) => loss.options.some((o) => o.name === name)));
const button = (words, click, more) => el("button", { type: "button", click, ...more }, words);

export function code(view) {
  const chosen = sessionStorage.getItem("language") ?? "curl";
  const long = JSON.stringify(view.request).length > LONGEST, body = long ? { ...view.loss.example, ...optionsOf(view) } : view.request;
  const words = LANGUAGES[chosen](ROOT.href, view.loss.name, body);
  const pick = (name) => (sessionStorage.setItem("language", name), code(view));
  const tabs = Object.keys(LANGUAGES).map((name) => button(name, () => pick(name), { "aria-pressed": String(name === chosen) }));
  const copied = async (event) => (await navigator.clipboard.writeText(words), (event.target.textContent = "Copied"));
  const bar = el("div", { class: "tabs" }, tabs, button("Copy", copied, { class: "copy" }));
  document.getElementById("code").replaceChildren(bar, el("pre", { tabindex: 0 }, words));
}

// JSON with the tensors of a request, or CSV whose header names the inputs; several columns of a name become the axis after the samples.
function parsed(given) {
  if (given.trim().startsWith("{")) return JSON.parse(given);
  const [head, ...lines] = given.trim().split(/\r?\n/).map((line) => line.split(/[,;\t]/).map((cell) => cell.trim()));
  const names = head.map((name) => name.replace(/[_.]?\d+$/, ""));
  const column = (name) => {
    const at = names.flatMap((one, i) => (one === name ? [i] : []));
    return lines.map((cells) => (at.length > 1 ? at.map((i) => Number(cells[i])) : Number(cells[at[0]])));
  };
  return Object.fromEntries(names.map((name) => [name, column(name)]));
}

// Per-sample losses of pasted numbers under the options of the picture, worst first.
export function own(view) {
  const host = document.getElementById("own"), { loss } = view;
  if (!host) return;
  const names = loss.inputs.map((input) => input.name), said = el("div", { role: "status" });
  const placeholder = `${names.join(",")}\n0.5,1\n0.2,0   or JSON: {"${names[0]}": [0.5, 0.2], ...}`;
  const box = el("textarea", { rows: 5, "aria-label": "JSON or CSV", spellcheck: "false", placeholder });
  const evaluate = async () => {
    try {
      const body = { ...optionsOf(view), ...parsed(box.value) };
      const { per_sample: losses } = await post(loss.name, { ...body, reduction: "none", outputs: ["per_sample"] });
      const order = losses.map((_, i) => i).sort((a, b) => losses[b] - losses[a]);
      const shown = Object.keys(body).filter((name) => body[name].length === losses.length && Array.isArray(body[name]));
      const row = (i) => [String(i), losses[i], ...shown.map((name) => JSON.stringify(body[name][i]).slice(0, 60))];
      const mean = short(losses.reduce((sum, one) => sum + one, 0) / losses.length);
      const found = table(`${losses.length} samples, mean ${mean}; worst first`, ["sample", "loss", ...shown], order.slice(0, 100).map(row));
      found.open = true;
      said.replaceChildren(found);
    } catch (problem) {
      said.replaceChildren(el("p", { class: "problem" }, problem.message));
    }
  };
  const take = () => (box.value = JSON.stringify(Object.fromEntries(names.map((name) => [name, view.request[name]]))));
  host.replaceChildren(box, el("div", { class: "tabs" }, button("Evaluate", evaluate), button("Take the picture's", take)), said);
  check(view, box);
}

// Results of another implementation for the same numbers: where they part from the service's, and the changes that would explain it.
function check(view, numbers) {
  const { loss } = view, said = el("div", { role: "status" });
  const placeholder = 'A value, a list of per-sample losses, or JSON: {"value": 0.5, "gradients": {"predictions": [0.1, -0.2]}}';
  const box = el("textarea", { rows: 3, "aria-label": "Your results", spellcheck: "false", placeholder });
  const at = (one) => (one ? [`[${one.at}]`, one.claimed, one.expected] : ["", "", ""]);
  const head = ["output", "", "largest error", "first at", "yours", "here", "worst at", "yours", "here"];
  const parted = (one) => (one.of ? `${one.disagreeing} of ${one.of} differ` : `shape [${one.claimed_shape}], not [${one.expected_shape}]`);
  const row = ([name, one]) => [name, one.agrees ? "agrees" : parted(one), one.worst_relative_error ?? "", ...at(one.first), ...at(one.worst)];
  const compare = async () => {
    try {
      const results = JSON.parse(box.value), name = Array.isArray(results) ? "per_sample" : "value";
      const claimed = results.constructor === Object ? results : { [name]: results };
      const answer = await post(loss.name, { request: { ...optionsOf(view), ...parsed(numbers.value) }, claimed }, "check");
      const found = table(answer.agrees ? "Agrees" : "Differs", head, Object.entries(answer.outputs).map(row));
      found.open = true;
      const changed = (change) => el("code", {}, JSON.stringify(change));
      const hints = answer.would_agree_with.map((one) => el("li", {}, changed(one.change), one.outputs ? ` in ${one.outputs.join(", ")}` : ""));
      said.replaceChildren(found, ...(hints.length ? [el("p", {}, "It would agree with"), el("ul", {}, hints)] : []));
    } catch (problem) {
      said.replaceChildren(el("p", { class: "problem" }, problem.message));
    }
  };
  const help = el("p", {}, "Paste your numbers above, and what your implementation makes of them here.");
  document.getElementById("check").replaceChildren(help, box, el("div", { class: "tabs" }, button("Compare", compare)), said);
}
