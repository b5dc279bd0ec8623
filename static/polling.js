// Requests that a dialog repeats by itself. They are silent: no notice where one fails, and no way to the sign-in page,
// which would take a token away that is shown only once.
"use strict";

document.addEventListener("htmx:beforeOnLoad", (event) => {
  const { xhr } = event.detail;
  const poll = event.target.closest("[data-poll]");
  if (!poll) {
    // The search is part of a form: if the session has ended, the form stays, and the notice says so.
    if (event.target.id !== "repository-search" || !xhr.getResponseHeader("HX-Redirect")) return;
    event.preventDefault();
    watchSession();
    return;
  }
  if (xhr.status < 400 && !xhr.getResponseHeader("HX-Redirect")) return;
  event.preventDefault();
  // The session has ended or the token was deleted: nothing to wait for any more.
  if (xhr.status < 500) poll.parentElement.replaceChildren();
});
