// Requests that a dialog repeats by itself. They are silent: no notice where one fails, and no way to the sign-in page,
// which would take a token away that is shown only once.
"use strict";

document.addEventListener("htmx:beforeOnLoad", (event) => {
  const poll = event.target.closest("[data-poll]");
  const { status } = event.detail.xhr;
  if (!poll || status < 400) return;
  event.preventDefault();
  // The session has ended or the token was deleted: nothing to wait for any more.
  if (status < 500) poll.parentElement.replaceChildren();
});
