// Times in the browser's time zone.
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
  const format = new Intl.DateTimeFormat(document.documentElement.lang, { dateStyle: "long", timeStyle: "long" });
  for (const time of document.querySelectorAll("time[datetime]")) time.title = format.format(new Date(time.dateTime));
}

localTimes();
document.addEventListener("htmx:afterSettle", localTimes);
