// Keys for the desk, on top of links and buttons that work without them: j and k move, o opens, r answers, a takes.
"use strict";

(() => {
  const rows = [...document.querySelectorAll("[data-case]")];
  const hint = document.querySelector(".desk-keys");
  if (hint) hint.hidden = false;

  const current = () => rows.find((row) => row.contains(document.activeElement));
  const linkOf = (row) => row.querySelector("th a");

  function move(step) {
    const next = rows[rows.indexOf(current()) + step] ?? (step > 0 && !current() ? rows[0] : null);
    if (next) linkOf(next).focus();
  }

  function open(fragment = "") {
    const row = current();
    if (row) window.location.assign(linkOf(row).href + fragment);
  }

  function answer() {
    const box = document.querySelector("#reply textarea");
    if (box) box.focus();
    else open("#reply");
  }

  function take() {
    const scope = rows.length ? current() : document;
    scope?.querySelector("[data-key=a]")?.click();
  }

  const keys = { j: () => move(1), k: () => move(-1), o: () => open(), r: answer, a: take };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest("input, textarea, select, [contenteditable]")) return;
    const act = keys[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  });
})();
