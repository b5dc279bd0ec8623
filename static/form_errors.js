// The title of the page says when the form in a dialog is wrong, as it does for a form that is a page.
"use strict";

const errorBefore = document.body.dataset.errorBefore;

function sayErrorsInTitle() {
  const title = document.title.startsWith(errorBefore) ? document.title.slice(errorBefore.length) : document.title;
  const isWrong = holder.querySelector("[aria-invalid], dialog form > .notice.danger");
  document.title = isWrong ? errorBefore + title : title;
}

document.addEventListener("htmx:afterSwap", (event) => {
  if (event.detail.target === holder) sayErrorsInTitle();
});
