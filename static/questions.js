// "Sign in again" and "Confirm it’s you" take the place of a form. Cancel puts the form back as it was.
"use strict";

const signedIn = "sessionSeconds" in document.body.dataset;
const RENEW = "/settings/session/new";
let replaced = null;

function isQuestion(node) {
  return Boolean(node && node.querySelector("[data-question]"));
}

// The form leaves the page before htmx swaps the answer in, so that htmx does not take it apart.
document.addEventListener("htmx:beforeSwap", (event) => {
  const shown = event.detail.target === holder && holder.querySelector("dialog");
  if (!shown || isQuestion(shown) || !event.detail.serverResponse.includes("data-question")) return;
  replaced = shown;
  shown.remove();
});

document.addEventListener("htmx:afterSwap", (event) => {
  if (event.detail.target !== holder || isQuestion(holder)) return;
  // Only a new sign-in was asked for, and the form is still to be sent.
  if (event.detail.pathInfo.requestPath !== RENEW || !putFormBack()) replaced = null;
});

// Shows the form that a question replaced, if there is one.
function putFormBack() {
  if (!replaced) return false;
  const dialog = replaced;
  replaced = null;
  holder.replaceChildren(dialog);
  dialog.removeAttribute("open");
  dialog.showModal();
  const first = dialog.querySelector("[autofocus]");
  if (first) first.focus();
  sayErrorsInTitle();
  return true;
}

// A form that is no dialog leaves the page, and with it what was typed. If the session has ended, "Sign in again" comes
// as a dialog over the form instead.
document.addEventListener("submit", async (event) => {
  const sent = event.target;
  const isPlain = sent.method === "post" && !sent.hasAttribute("hx-post") && !sent.hasAttribute("data-question");
  if (event.defaultPrevented || !signedIn || !isPlain || !hasInput(sent) || sent.dataset.checked) return;
  event.preventDefault();
  sent.dataset.checked = "yes";
  const submitter = event.submitter;
  const left = await sessionLeft();
  // It was busy while the session was asked for. Sent again, it is busy again.
  if (submitter) setIdle(submitter);
  if (left === undefined) delete sent.dataset.checked;
  else if (left.seconds_left > 0) {
    sent.requestSubmit(submitter);
    delete sent.dataset.checked;
  } else {
    delete sent.dataset.checked;
    const values = new FormData(sent, submitter);
    values.append("sign_in_behind", "yes");
    const address = submitter && submitter.hasAttribute("formaction") ? submitter.formAction : sent.action;
    const { pathname, search } = new URL(address);
    htmx.ajax("POST", pathname + search, { target: "#dialog", values });
  }
});

// A form says whose page it is on: another tab may sign in as someone else.
document.addEventListener("formdata", (event) => {
  if (signedIn && event.target.method === "post") event.formData.set("sign_in_form_of", document.body.dataset.account);
});

function hasInput(sent) {
  return [...sent.elements].some((field) => field.matches("input:not([type=hidden]):not([hidden]), select, textarea"));
}
