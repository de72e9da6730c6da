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

window.ui = SwaggerUIBundle({
  url: "docs/openapi.json",
  dom_id: "#page",
  deepLinking: true,
  filter: true,
  tryItOutEnabled: true,
  displayRequestDuration: true,
  defaultModelsExpandDepth: -1,
  validatorUrl: null,
  plugins: [{ fn: { opsFilter: find } }],
});
