// The browser prints without it too.
"use strict";

document.querySelectorAll("[data-print]").forEach((button) => {
  button.closest("[hidden]").hidden = false;
  button.addEventListener("click", () => window.print());
});
