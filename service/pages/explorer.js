// The explorer: moves between pages without loading them anew, and searches as one types.

import { fetched, ROOT } from "./kit.js";
import { show } from "./loss.js";

const main = document.querySelector("main");
const search = document.querySelector("input[type=search]");
let visits = 0;

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
document.addEventListener("again", () => go(location.pathname, "replaceState"));
document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input, textarea, select");
  const links = [...main.querySelectorAll("[data-loss]")], at = links.indexOf(document.activeElement);
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if ((event.key === "/" && !typing) || event.key === "Escape") search.focus(), search.select();
  else if (step && links.length && (at >= 0 || event.target === search)) (links[at + step] ?? search).focus();
  else return;
  event.preventDefault();
});

opened();
