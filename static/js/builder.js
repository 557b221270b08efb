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

  // Leaving with something typed and not saved asks first.
  let typed = false;
  form.addEventListener("input", (event) => { typed ||= !event.target.matches("[data-preview]"); });
  form.addEventListener("submit", (event) => { if (event.submitter !== show) typed = false; });
  addEventListener("beforeunload", (event) => { if (typed) event.preventDefault(); });
})();
