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

for (const name of ["htmx:sendError", "htmx:timeout"]) {
  document.addEventListener(name, () => {
    const notice = document.querySelector("dialog:modal") || document.getElementById("notice") || document.querySelector("main");
    const sentence = document.createElement("p");
    sentence.className = "notice danger";
    sentence.textContent = document.body.dataset.failed;
    notice.prepend(sentence);
  });
}
