// The notice two minutes before the session ends. Nothing here extends the session except "Stay signed in".
"use strict";

const SESSION = "/settings/session";
const NOTICE_SECONDS = 120;
// Timers that wait longer than 24 days fire at once.
const LONGEST_TIMER = 6 * 3600;
const ASK_EVERY = 5;

let sessionTimer = null;
let sessionNotice = null;

// How long the session lasts, as the server says; `undefined` if it does not answer.
async function askSession(method) {
  try {
    const answer = await fetch(SESSION, { method, redirect: "manual", cache: "no-store" });
    if (answer.ok) return await answer.json();
    // Without a session it asks for a sign-in, or leads to that page.
    return answer.status === 401 || answer.type === "opaqueredirect" ? { seconds_left: 0, can_extend: false } : undefined;
  } catch {
    return undefined;
  }
}

async function sessionLeft() {
  const left = await askSession("GET");
  if (left === undefined) sayFailed();
  return left;
}

async function watchSession() {
  followSession(await askSession("GET"));
}

function followSession(left) {
  clearTimeout(sessionTimer);
  // Without an answer nothing is known: ask again later.
  const seconds = left ? left.seconds_left : NOTICE_SECONDS + ASK_EVERY;
  if (left && seconds > NOTICE_SECONDS) removeSessionNotice();
  else if (left) showSessionNotice(seconds <= 0 ? "over" : left.can_extend ? "soon" : "for-good");
  // After the end, only another tab can change something.
  const wait = seconds <= 0 ? NOTICE_SECONDS : Math.max(seconds - NOTICE_SECONDS, ASK_EVERY);
  sessionTimer = setTimeout(watchSession, Math.min(wait, LONGEST_TIMER) * 1000);
}

// While a dialog is open, everything outside it cannot be reached.
function showSessionNotice(state) {
  const dialog = document.querySelector("dialog:modal");
  const place = dialog || document.querySelector("main");
  if (isQuestion(dialog)) return removeSessionNotice();
  if (sessionNotice && sessionNotice.dataset.state === state && sessionNotice.parentElement === place) return;
  removeSessionNotice();
  sessionNotice = document.getElementById("session-end").content.firstElementChild.cloneNode(true);
  sessionNotice.dataset.state = state;
  for (const part of sessionNotice.querySelectorAll("[data-when]")) {
    if (!part.dataset.when.split(" ").includes(state)) part.remove();
  }
  // The question would take the place of a secret that is shown only once.
  const isSecretShown = dialog && dialog.querySelector("#secret, [data-keep-open]");
  if (isSecretShown) for (const link of sessionNotice.querySelectorAll("[data-sign-in-again]")) link.remove();
  place.prepend(sessionNotice);
}

function removeSessionNotice() {
  if (sessionNotice) sessionNotice.remove();
  sessionNotice = null;
}

document.addEventListener("click", async (event) => {
  if (event.target.closest("[data-stay]")) {
    const left = await askSession("POST");
    if (left === undefined) return sayFailed();
    followSession(left);
    const dialog = document.querySelector("dialog:modal #dialog-title");
    if (dialog) dialog.focus();
    else returnFocus();
  }
  if (event.target.closest("[data-sign-in-again]")) {
    removeSessionNotice();
    htmx.ajax("POST", RENEW, { target: "#dialog" });
  }
});

if (signedIn) {
  const seconds = Number(document.body.dataset.sessionSeconds);
  if (seconds > NOTICE_SECONDS) followSession({ seconds_left: seconds });
  else watchSession();
  // Timers stand still while the machine sleeps.
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) watchSession();
  });
  document.addEventListener("htmx:afterSettle", () => {
    if (sessionNotice) watchSession();
  });
}
