"use strict";

// The service's own search fills the filter: GET /?q= names the losses that fit, best first. Until it has responded, all stand there.
const found = new Map();
const name = (operation) => operation.getIn(["operation", "operationId"]);

function filtered(operations, phrase) {
  const names = found.get(phrase);
  if (!names) return operations;
  const rank = (operation) => names.indexOf(name(operation));
  const kept = operations.map((tag) => tag.update("operations", (all) => all.filter((one) => rank(one) >= 0).sortBy(rank)));
  return kept.filter((tag) => tag.get("operations").size > 0).sortBy((tag) => rank(tag.get("operations").first()));
}

async function look(phrase, system) {
  const response = await fetch(`.?${new URLSearchParams({ q: phrase })}`, { headers: { accept: "application/json" } });
  const names = phrase ? Object.keys((await response.json()).losses) : [];
  if (phrase) found.set(phrase, names);
  document.getElementById("nothing").hidden = names.length > 0 || !phrase;
  const fits = (tag) => tag.get("operations").some((one) => names.includes(name(one)));
  system.specSelectors.taggedOperations().forEach((tag, key) => system.layoutActions.show(["operations-tag", key], fits(tag)));
  system.layoutActions.show(["found", phrase], true); // a change of state, upon which the page is drawn anew
}

// Families are closed as the page opens, which keeps it quick; what is looked for is shown.
const searching = {
  statePlugins: {
    layout: { wrapActions: { updateFilter: (update, system) => (phrase) => (look(phrase, system), update(phrase)) } },
  },
};

window.ui = SwaggerUIBundle({
  url: "docs/openapi.json",
  dom_id: "#page",
  deepLinking: true,
  docExpansion: "none",
  filter: true,
  tryItOutEnabled: true,
  persistAuthorization: true,
  displayRequestDuration: true,
  defaultModelsExpandDepth: -1,
  validatorUrl: null,
  onComplete: () => {
    document.querySelector(".operation-filter-input").placeholder = "Find a loss by name, synonym or word";
  },
  plugins: [{ fn: { opsFilter: filtered } }, searching],
});
