// Marks all mails of the page at once; each has a box of its own without it.
"use strict";

(() => {
  const all = document.querySelector(".mail-all");
  if (!all) return;
  const boxes = [...document.querySelectorAll('input[name="mail"]')];
  all.closest("[hidden]").hidden = false;
  all.addEventListener("change", () => boxes.forEach((box) => { box.checked = all.checked; }));
})();
