// The builder, on top of a form that works without: the preview follows what is typed, answers follow their question.
"use strict";

(() => {
  const show = document.getElementById("show-preview");
  const form = show?.form;
  if (!form) return;

  // The button sends the unsaved form into the frame, which then stands at the question that is being worked on.
  // Waiting a little keeps it to one request for a word.
  const address = show.getAttribute("formaction") ?? "";
  let waiting = 0;
  form.addEventListener("input", (event) => {
    const question = event.target.closest("[data-question]")?.dataset.question;
    if (address) show.setAttribute("formaction", question ? `${address}#ask-${question}` : address);
    clearTimeout(waiting);
    waiting = setTimeout(() => form.requestSubmit(show), 600);
  });

  // Of all answers only those of the chosen question.
  for (const leader of form.querySelectorAll("[data-leader]")) {
    const sentence = leader.closest("fieldset");
    const answers = sentence.querySelector("[data-answers]");
    const narrow = () => {
      for (const group of answers.querySelectorAll("optgroup")) group.hidden = group.disabled = group.dataset.of !== leader.value;
      if (answers.selectedOptions[0]?.closest("optgroup")?.disabled) answers.value = "";
      for (const select of sentence.querySelectorAll("select:not([data-leader])")) select.hidden = !leader.value;
    };
    leader.addEventListener("change", narrow);
    narrow();
  }

  // A question is dragged by its handle, with the mouse or a finger, and saved at its new place as the arrows do it.
  for (const handle of form.querySelectorAll(".builder-handle")) {
    const question = handle.closest("[data-question]");
    const list = question.parentElement;
    const places = () => [...list.children];
    let before = -1;
    // The others move past it: what is taken out of the page, even for a moment, loses the pointer.
    const put = (place) => {
      while (places().indexOf(question) > place) question.after(question.previousElementSibling);
      while (places().indexOf(question) < place) question.before(question.nextElementSibling);
    };
    const stop = () => {
      question.classList.remove("is-dragged");
      document.removeEventListener("keydown", leave);
      before = -1;
    };
    const leave = (event) => {
      if (event.key !== "Escape") return;
      put(before);
      stop();
    };
    handle.hidden = false;
    handle.addEventListener("pointerdown", (event) => {
      if (event.button) return;
      event.preventDefault();
      before = places().indexOf(question);
      handle.setPointerCapture(event.pointerId);
      question.classList.add("is-dragged");
      document.addEventListener("keydown", leave);
    });
    handle.addEventListener("pointermove", (event) => {
      if (before < 0) return;
      const others = places().filter((other) => other !== question);
      const middles = others.map((other) => other.getBoundingClientRect()).map((box) => box.top + box.height / 2);
      const place = middles.filter((middle) => middle < event.clientY).length;
      if (places().indexOf(question) !== place) put(place);
    });
    handle.addEventListener("pointercancel", () => {
      if (before >= 0) put(before);
      stop();
    });
    handle.addEventListener("pointerup", () => {
      const place = places().indexOf(question);
      const isMoved = before >= 0 && place !== before;
      stop();
      if (!isMoved) return;
      const button = Object.assign(document.createElement("button"), { name: "act", value: `place:${question.dataset.question}:${place}`, hidden: true });
      form.append(button);
      form.requestSubmit(button);
    });
  }

  // Leaving with something typed and not saved asks first.
  let typed = false;
  form.addEventListener("input", (event) => { typed ||= !event.target.matches("[data-preview]"); });
  form.addEventListener("submit", (event) => { if (event.submitter !== show) typed = false; });
  addEventListener("beforeunload", (event) => { if (typed) event.preventDefault(); });
})();
