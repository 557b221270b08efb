// Shows new mail as it comes. Without JavaScript the page reloads itself instead.
setInterval(async () => {
  if (document.hidden) return;
  try {
    const answer = await fetch("/", { cache: "no-store" });
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("mails");
    const shown = document.getElementById("mails");
    if (fresh.dataset.newest !== shown.dataset.newest) shown.replaceWith(document.adoptNode(fresh));
  } catch {
    // The demo has ended or is starting again: ask again later.
  }
}, 2000);
