// Keys for the desk and news of an open case, on top of links, buttons and forms that work without them.
"use strict";

(() => {
  const rows = [...document.querySelectorAll("[data-case]")];
  const sheet = document.getElementById("desk-keys");
  const hint = document.querySelector(".desk-keys");
  if (hint) hint.hidden = false;
  document.querySelector("[data-keys-open]")?.addEventListener("click", () => sheet?.showModal());

  // --- Keys ---
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

  function write(section) {
    const box = document.querySelector(`#${section} textarea`);
    if (box) box.focus();
    else open(`#${section}`);
  }

  function take() {
    const scope = rows.length ? current() : document;
    scope?.querySelector("[data-key=a]")?.click();
  }

  function back() {
    const inbox = document.querySelector("[data-inbox]")?.dataset.inbox;
    if (inbox) window.location.assign(inbox);
  }

  const keys = {
    j: () => move(1),
    k: () => move(-1),
    o: () => open(),
    x: () => current()?.querySelector("[name=case]")?.click(),
    a: take,
    r: () => write("reply"),
    n: () => write("note"),
    e: () => write("resolve"),
    u: back,
    "/": () => document.getElementById("desk-q")?.focus(),
    "?": () => sheet?.showModal(),
  };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || sheet?.open) return;
    if (event.target.closest("input:not([type=checkbox]), textarea, select, [contenteditable]")) return;
    const act = keys[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  });

  // --- Many at once: how many are ticked ---
  const ticks = [...document.querySelectorAll("[name=case][form=desk-bulk]")];
  const count = document.querySelector("[data-ticked]");
  const tell = () => {
    const ticked = ticks.filter((tick) => tick.checked).length;
    if (count) count.textContent = ticked || "";
    if (ticked === 1) count?.closest("details")?.setAttribute("open", "");
  };
  for (const tick of ticks) tick.addEventListener("change", tell);

  // --- A case that is open: who else looks, and whether it has changed ---
  const page = document.querySelector("[data-looking]");
  if (page) {
    const others = page.querySelector("[data-others]");
    const changed = page.querySelector("[data-changed]");
    const ask = async () => {
      if (document.hidden) return;
      try {
        const answer = await fetch(page.dataset.looking, { headers: { Accept: "application/json" } });
        if (!answer.ok) return;
        const news = await answer.json();
        others.querySelector("span").textContent = news.others.join(", ");
        others.hidden = !news.others.length;
        changed.hidden = news.version === page.dataset.version;
      } catch {
        // Without a network there is no news.
      }
    };
    setInterval(ask, 30_000);
  }

  // --- A ready answer goes where the cursor is; nothing typed is lost ---
  const ready = document.querySelector("[data-answers]");
  ready?.form.addEventListener("submit", async (event) => {
    const box = document.querySelector("#reply textarea");
    if (!box || !ready.value) return;
    event.preventDefault();
    const answer = await fetch(ready.dataset.answers.replace(/0\/$/, `${ready.value}/`));
    if (!answer.ok) return;
    box.setRangeText(await answer.text(), box.selectionStart, box.selectionEnd, "end");
    box.focus();
  });

  // --- A second click while the first is on its way sends nothing; coming back, one may send again ---
  const posts = document.querySelectorAll(".desk form[method=post]");
  for (const form of posts) {
    form.addEventListener("submit", (event) => {
      if (form.dataset.sent) event.preventDefault();
      form.dataset.sent = "yes";
    });
  }
  addEventListener("pageshow", () => {
    for (const form of posts) delete form.dataset.sent;
  });

  // --- A new case: only the fields of its kind ---
  const kind = document.querySelector(".desk select[name=kind]");
  const sets = document.querySelectorAll("[data-kind]");
  const narrow = () => {
    for (const set of sets) set.hidden = set.dataset.kind !== kind.value;
  };
  if (kind && sets.length) {
    kind.addEventListener("change", narrow);
    narrow();
  }
})();
