// Dialogs, the focus around them, and the secret that is shown only once. Every page also works without scripts.
"use strict";

// Dialogs: htmx loads one into #dialog, and this shows it over the page.
const holder = document.getElementById("dialog");
let opener = null;

document.addEventListener("htmx:beforeRequest", (event) => {
  const from = event.target.closest(".menu, a, button");
  const menu = event.target.closest(".menu");
  const button = menu ? menuButton(menu) : from;
  if (button && !holder.contains(button)) opener = selectorOf(button);
  if (menu) menu.hidePopover();
});

document.addEventListener("htmx:afterSwap", (event) => {
  if (event.detail.target !== holder) return;
  const dialog = holder.querySelector("dialog");
  if (dialog && !dialog.open) {
    dialog.showModal();
    const first = dialog.querySelector("[aria-invalid]") || dialog.querySelector("[autofocus], #dialog-title[tabindex]");
    if (first) first.focus();
  }
});

document.addEventListener("htmx:afterSettle", (event) => {
  if (event.detail.target === holder && !holder.querySelector("dialog")) returnFocus();
});

// Finds a control again in a table that was swapped.
function selectorOf(control) {
  if (control.id) return `#${CSS.escape(control.id)}`;
  return control.hasAttribute("formaction") ? `[formaction="${control.getAttribute("formaction")}"]` : null;
}

// Focus returns to the control that opened the dialog, or to the heading if that control is gone. htmx settles a swap
// in several parts and calls this for each, so focus that is already somewhere stays there.
function returnFocus() {
  if (document.activeElement && document.activeElement !== document.body) return;
  const control = opener && document.querySelector(`${opener}:not(:disabled)`);
  // It is where the person clicked, so nothing needs to scroll.
  if (control) control.focus({ preventScroll: true });
  if (document.activeElement === control) return;
  const target = document.querySelector("h1[tabindex]") || document.querySelector("main");
  if (target) target.focus();
}

function close(dialog) {
  forgetSecret();
  dialog.close();
  if (putFormBack()) return;
  holder.replaceChildren();
  sayErrorsInTitle();
  returnFocus();
}

document.addEventListener("click", (event) => {
  const control = event.target.closest("[data-close]");
  const dialog = control && control.closest("dialog");
  if (!dialog) return;
  if (!mayClose(event)) event.preventDefault();
  else if (dialog.matches(":modal")) {
    event.preventDefault();
    close(dialog);
  } else forgetSecret();
});

document.addEventListener("cancel", (event) => {
  if (!event.target.matches("dialog")) return;
  event.preventDefault();
  if (mayClose(event)) close(event.target);
}, true);

// On a second Escape in a row the browser closes the dialog without a "cancel" event.
document.addEventListener("keydown", (event) => {
  const dialog = event.key === "Escape" && !event.isComposing && document.querySelector("dialog:modal");
  if (!dialog) return;
  event.preventDefault();
  if (mayClose(event)) close(dialog);
});

// The browser may still close a dialog by itself, such as on a back gesture. Reopen it, or finish closing it.
document.addEventListener("close", (event) => {
  if (!holder.contains(event.target)) return;
  if (mayClose(event)) close(event.target);
  else event.target.showModal();
}, true);

// A secret is shown only once. The first attempt to close the dialog without copying it gets a warning, and the dialog
// closes only after the warning was in view. A double click or a held key is one attempt.
let copied = false;

function mayClose(event) {
  const kept = document.querySelector("dialog [data-keep-open] input[required]");
  if (kept && !kept.checked) return kept.reportValidity();
  const warning = document.querySelector("dialog [data-not-copied]");
  if (!warning || copied) return true;
  if (!warning.hidden && isInView(warning)) return !(event.detail > 1 || event.repeat);
  warning.textContent = warning.dataset.notCopied;
  warning.hidden = false;
  warning.scrollIntoView({ block: "nearest" });
  return false;
}

function isInView(element) {
  const inner = element.getBoundingClientRect();
  const outer = element.closest("dialog").getBoundingClientRect();
  return inner.top > Math.max(outer.top, 0) - 1 && inner.bottom < Math.min(outer.bottom, window.innerHeight) + 1;
}

// The secret was copied, printed or saved.
function noteCopied() {
  copied = true;
  const warning = document.querySelector("dialog [data-not-copied]");
  if (warning) warning.hidden = true;
}

// Reloading or closing the tab loses it too, so the browser asks.
window.addEventListener("beforeunload", (event) => {
  const secret = document.getElementById("secret");
  const kept = document.querySelector("dialog [data-keep-open] input[required]");
  if (!copied && ((secret && secret.value) || (kept && !kept.checked))) event.preventDefault();
});

// Clears the secret when the dialog closes and when the page is left, so that no back-forward cache keeps it.
function forgetSecret() {
  const field = document.getElementById("secret");
  if (field) {
    field.value = "";
    field.removeAttribute("value");
    field.textContent = "";
  }
  copied = false;
}

window.addEventListener("pagehide", () => {
  forgetSecret();
  for (const shown of document.querySelectorAll("#recovery-codes, #totp-secret, .qr")) shown.replaceChildren();
});
