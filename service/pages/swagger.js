"use strict";

// Swagger UI's own filter looks at tags and paths; people also look for synonyms, which stand in descriptions.
function find(operations, phrase) {
  const wanted = phrase.toLowerCase();
  const fits = (found) =>
    [found.get("path"), found.getIn(["operation", "summary"]), found.getIn(["operation", "description"])].some((text) =>
      String(text ?? "").toLowerCase().includes(wanted),
    );
  return operations
    .map((tag, name) => (name.toLowerCase().includes(wanted) ? tag : tag.update("operations", (all) => all.filter(fits))))
    .filter((tag) => tag.get("operations").size > 0);
}

// Families are closed as the page opens, which keeps it quick; what is looked for is shown.
const opened = {
  statePlugins: {
    layout: {
      wrapActions: {
        updateFilter: (update, system) => (phrase) => {
          const found = system.specSelectors.taggedOperations().keySeq();
          found.forEach((tag) => system.layoutActions.show(["operations-tag", tag], phrase.length > 2));
          return update(phrase);
        },
      },
    },
  },
};

window.ui = SwaggerUIBundle({
  url: "docs/openapi.json",
  dom_id: "#page",
  deepLinking: true,
  docExpansion: "none",
  filter: true,
  tryItOutEnabled: true,
  displayRequestDuration: true,
  defaultModelsExpandDepth: -1,
  validatorUrl: null,
  onComplete: () => {
    document.querySelector(".operation-filter-input").placeholder = "Find a loss by name, synonym or word";
  },
  plugins: [{ fn: { opsFilter: find } }, opened],
});
