"use strict";

// Swagger UI has dark colours for this class; the system says whether it is dark.
const dark = matchMedia("(prefers-color-scheme: dark)");
const paint = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
dark.addEventListener("change", paint);
paint();

SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#api",
  tryItOutEnabled: true,
  displayRequestDuration: true,
  defaultModelsExpandDepth: 0,
  validatorUrl: null,
});

// Swagger UI leaves these without a name for a screen reader.
const names = { "textarea": "Request body", ".examples-select-element": "Example", ".content-type": "Media type" };
new MutationObserver(() => {
  for (const [selector, name] of Object.entries(names)) {
    for (const nameless of document.querySelectorAll(`${selector}:not([aria-label])`)) nameless.setAttribute("aria-label", name);
  }
}).observe(document.querySelector("#api"), { childList: true, subtree: true });
