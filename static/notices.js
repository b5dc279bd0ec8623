// Notices, also while a dialog is open, and when the server does not answer.
"use strict";

// While a dialog is open, a notice goes into it and not behind it.
document.addEventListener("htmx:beforeSwap", (event) => {
  const dialog = document.querySelector("dialog:modal");
  if (!dialog || !event.detail.target || event.detail.target.id !== "notice") return;
  let place = dialog.querySelector(".dialog-notice");
  if (!place) {
    place = document.createElement("div");
    place.className = "dialog-notice";
    dialog.prepend(place);
  }
  event.detail.target = place;
});

// The server does not answer: one notice, which goes when the next answer arrives.
function sayFailed() {
  forgetFailed();
  const sentence = document.createElement("p");
  sentence.className = "notice danger";
  sentence.setAttribute("role", "alert");
  sentence.dataset.noAnswer = "";
  sentence.textContent = document.body.dataset.failed;
  (document.querySelector("dialog:modal") || document.getElementById("notice") || document.querySelector("main")).prepend(sentence);
}

function forgetFailed() {
  for (const sentence of document.querySelectorAll("[data-no-answer]")) sentence.remove();
}

for (const name of ["htmx:sendError", "htmx:timeout"]) {
  document.addEventListener(name, (event) => {
    if (!event.target.closest("[data-poll]")) sayFailed();
  });
}
document.addEventListener("htmx:beforeOnLoad", (event) => {
  forgetFailed();
  if (event.target.closest("[data-poll]")) return;
  // What an earlier answer said in the dialog is out of date.
  for (const place of document.querySelectorAll(".dialog-notice")) place.remove();
});
