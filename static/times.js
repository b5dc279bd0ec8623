// Times: in the browser's time zone, and the exact ones for keys and taps.
"use strict";

// The server counts days in the browser's time zone unless the account has one.
const { zoneCookie } = document.documentElement.dataset;
if (zoneCookie) {
  const secure = zoneCookie.startsWith("__Host-") ? "; Secure" : "";
  const zone = new Intl.DateTimeFormat().resolvedOptions().timeZone;
  document.cookie = `${zoneCookie}=${zone}; Path=/; Max-Age=31536000; SameSite=Lax${secure}`;
}

// Exact times use the browser's time zone unless the account has one.
function localTimes() {
  if (!("localTimes" in document.documentElement.dataset)) return;
  // Days before months, and 24 hours, as the server writes them.
  const language = document.documentElement.lang === "en" ? "en-GB" : document.documentElement.lang;
  const day = new Intl.DateTimeFormat(language, { dateStyle: "long" });
  const clock = new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  for (const time of document.querySelectorAll("time[title]")) {
    const at = new Date(time.dateTime);
    time.title = `${day.format(at)} ${clock.format(at)}`;
  }
}

// The stylesheet shows the exact time while a time has the focus. A tap gives it the focus. All times of a page are one
// stop of the Tab key, because a table may have 150 of them: from there the arrow keys lead from time to time.
function timesBeside(time) {
  return [...time.closest("dialog, main").querySelectorAll("time[title]")];
}

function oneTabStop() {
  for (const place of document.querySelectorAll("main, dialog")) {
    const first = place.querySelector("time[title]");
    if (first && first.closest("dialog, main") === place && !place.querySelector('time[tabindex="0"]')) first.tabIndex = 0;
  }
}

document.addEventListener("focusin", (event) => {
  if (!event.target.matches("time[title]")) return;
  for (const time of timesBeside(event.target)) time.tabIndex = time === event.target ? 0 : -1;
});

document.addEventListener("keydown", (event) => {
  if (!event.target.matches("time[title]")) return;
  const times = timesBeside(event.target).filter((time) => time.checkVisibility());
  const at = times.indexOf(event.target);
  const to = { ArrowRight: at + 1, ArrowDown: at + 1, ArrowLeft: at - 1, ArrowUp: at - 1, Home: 0, End: times.length - 1 }[event.key];
  if (event.key === "Escape") event.target.blur();
  if (to === undefined) return;
  event.preventDefault();
  if (times[to]) times[to].focus();
});

function dressTimes() {
  localTimes();
  oneTabStop();
}

dressTimes();
document.addEventListener("htmx:afterSettle", dressTimes);
