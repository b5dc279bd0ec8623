// Notices float over the page or into an open dialog. They are announced, and go with the next action.
"use strict";

const notice = document.getElementById("notice");

function clearNotices() {
  if (notice) notice.replaceChildren();
  for (const inDialog of document.querySelectorAll(".dialog-notice")) inDialog.remove();
}

// Tells screen readers something that is visible anyway.
function announce(sentence) {
  const region = document.getElementById("announcement");
  if (!region || !sentence) return;
  region.textContent = "";
  setTimeout(() => { region.textContent = sentence; }, 50);
}

// A screen reader announces what changes, and not what a page begins with.
if (notice && notice.firstElementChild) {
  const sentences = [...notice.children];
  notice.replaceChildren();
  setTimeout(() => notice.append(...sentences), 50);
}

document.addEventListener("htmx:beforeRequest", (event) => {
  if (event.detail.requestConfig.triggeringEvent) clearNotices();
});

document.addEventListener("click", (event) => {
  if (!event.target.closest("[data-dismiss]")) return;
  document.activeElement.blur();
  clearNotices();
  returnFocus();
});

// While a dialog is open, a notice goes into it: everything behind it is inert.
function noticePlace() {
  const dialog = document.querySelector("dialog:modal");
  if (!dialog) return notice || document.querySelector("main");
  let place = dialog.querySelector(".dialog-notice");
  if (!place) {
    place = document.createElement("div");
    place.className = "dialog-notice";
    dialog.prepend(place);
  }
  return place;
}

document.addEventListener("htmx:beforeSwap", (event) => {
  if (event.detail.target && event.detail.target.id === "notice") event.detail.target = noticePlace();
});

// The server does not answer: one notice, which goes when the next answer arrives.
function sayFailed() {
  forgetFailed();
  const sentence = document.createElement("p");
  sentence.className = "notice danger";
  sentence.setAttribute("role", "alert");
  sentence.dataset.noAnswer = "";
  sentence.textContent = document.body.dataset.failed;
  noticePlace().prepend(sentence);
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
