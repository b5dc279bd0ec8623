// A control whose request is under way: it shows that it is busy, and takes no second click.
"use strict";

// Should a plain form's answer never arrive, its button works again after this time, in milliseconds.
const LONGEST_WAIT = 10_000;

function setBusy(control) {
  control.setAttribute("aria-busy", "true");
  control.setAttribute("aria-disabled", "true");
}

function setIdle(control) {
  control.removeAttribute("aria-busy");
  control.removeAttribute("aria-disabled");
}

// aria-disabled and not the attribute "disabled": that would drop the focus, and the button's value from the form.
for (const type of ["click", "submit"]) {
  document.addEventListener(type, (event) => {
    const control = type === "submit" ? event.submitter : event.target.closest("a, button");
    if (!control || control.getAttribute("aria-busy") !== "true") return;
    event.preventDefault();
    event.stopImmediatePropagation();
  }, true);
}

// The menu closes with the request, so its button is the one that waits.
function waitingControl(element, trigger) {
  const menu = element.closest(".menu");
  if (menu) return menuButton(menu);
  return element.matches("a, button") ? element : trigger.submitter;
}

document.addEventListener("htmx:beforeRequest", (event) => {
  const { elt, target, xhr, requestConfig } = event.detail;
  // Polling has no event of a person.
  if (!requestConfig.triggeringEvent) return;
  const control = waitingControl(elt, requestConfig.triggeringEvent);
  if (control) setBusy(control);
  if (target) target.setAttribute("aria-busy", "true");
  // After an answer, a failure, an abort and a timeout alike.
  xhr.addEventListener("loadend", () => {
    if (control) setIdle(control);
    if (target) target.removeAttribute("aria-busy");
  });
});

document.addEventListener("submit", (event) => {
  // htmx sends the form itself.
  if (event.defaultPrevented || !event.submitter) return;
  setBusy(event.submitter);
  setTimeout(setIdle, LONGEST_WAIT, event.submitter);
});

// The back-forward cache keeps a page as it was left.
window.addEventListener("pageshow", () => {
  for (const control of document.querySelectorAll('[aria-busy="true"]')) setIdle(control);
});
