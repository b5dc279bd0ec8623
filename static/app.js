// What the pages do beyond links and forms. Every page also works without this script.
"use strict";

// Dialogs: htmx loads one into #dialog, and this shows it over the page.
const holder = document.getElementById("dialog");
let opener = null;

document.addEventListener("htmx:beforeRequest", (event) => {
  const from = event.target.closest(".menu, a, button");
  const menu = event.target.closest(".menu");
  const button = menu ? document.querySelector(`[popovertarget="${menu.id}"]`) : from;
  if (button && !holder.contains(button)) opener = button.id;
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

// Focus returns to the control that opened the dialog, or to the heading if that control is gone. htmx settles a swap
// in several parts and calls this for each, so focus that is already somewhere stays there.
function returnFocus() {
  if (document.activeElement && document.activeElement !== document.body) return;
  const target = (opener && document.querySelector(`#${CSS.escape(opener)}:not(:disabled)`)) || document.querySelector("h1[tabindex]") || document.querySelector("main");
  if (target) target.focus();
}

function close(dialog) {
  forgetSecret();
  dialog.close();
  holder.replaceChildren();
  returnFocus();
}

document.addEventListener("click", (event) => {
  const control = event.target.closest("[data-close]");
  const dialog = control && control.closest("dialog");
  if (!dialog) return;
  if (!mayClose()) event.preventDefault();
  else if (dialog.matches(":modal")) {
    event.preventDefault();
    close(dialog);
  } else forgetSecret();
});

document.addEventListener("cancel", (event) => {
  if (!event.target.matches("dialog")) return;
  event.preventDefault();
  if (mayClose()) close(event.target);
}, true);

// On a second Escape in a row the browser closes the dialog without a "cancel" event.
document.addEventListener("keydown", (event) => {
  const dialog = event.key === "Escape" && !event.isComposing && document.querySelector("dialog:modal");
  if (!dialog) return;
  event.preventDefault();
  if (mayClose()) close(dialog);
});

// The browser may still close a dialog by itself, such as on a back gesture. Reopen it, or finish closing it.
document.addEventListener("close", (event) => {
  if (!holder.contains(event.target)) return;
  if (mayClose()) close(event.target);
  else event.target.showModal();
}, true);

// A secret is shown only once, so the first attempt to close the dialog without copying it gets a warning.
let copied = false;
let asked = false;

function mayClose() {
  const kept = document.querySelector("dialog [data-keep-open] input[required]");
  if (kept && !kept.checked) return kept.reportValidity();
  const question = document.querySelector("dialog [data-not-copied]");
  if (!question || copied || asked) return true;
  asked = true;
  question.textContent = question.dataset.notCopied;
  question.hidden = false;
  question.scrollIntoView({ block: "nearest" });
  return false;
}

// Clears the secret when the dialog closes and when the page is left, so that no back-forward cache keeps it.
function forgetSecret() {
  const field = document.getElementById("secret");
  if (field) {
    field.value = "";
    field.removeAttribute("value");
    field.textContent = "";
  }
  copied = asked = false;
}

window.addEventListener("pagehide", () => {
  forgetSecret();
  for (const shown of document.querySelectorAll("#recovery-codes, #totp-secret, .qr")) shown.replaceChildren();
});

// A whole token in the filter is cut to what its hint shows, so that the rest is never sent.
document.addEventListener("input", (event) => {
  if (event.target.id !== "text") return;
  event.target.value = event.target.value.replace(/^\s*(dp_(?:pat|dev|ref)_[0-9A-Za-z]{3})[0-9A-Za-z]{33}\s*$/, "$1");
}, true);

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

document.addEventListener("copy", () => {
  if (document.activeElement && document.activeElement.id === "secret") copied = true;
});

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const field = document.getElementById(button.dataset.copy);
  try {
    await navigator.clipboard.writeText(field.value);
    copied = true;
    button.textContent = button.dataset.copied;
    say(button, button.dataset.copied);
  } catch {
    field.focus();
    field.select();
    say(button, button.dataset.byHand);
  }
});

function say(button, sentence) {
  const status = button.closest("dialog").querySelector("[data-copy-said]");
  if (status) {
    status.textContent = sentence;
    status.classList.toggle("hidden", sentence === button.dataset.copied);
  }
}

// Recovery codes: copy, download, print.
function listed(id) {
  const list = document.getElementById(id);
  return [list.dataset.about, ...[...list.children].map((item) => item.textContent), ""].join("\n");
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy-list], [data-download], [data-print]");
  if (!button) return;
  if (button.dataset.copyList) {
    try {
      await navigator.clipboard.writeText(listed(button.dataset.copyList));
      button.textContent = button.dataset.copied;
    } catch {
      window.getSelection().selectAllChildren(document.getElementById(button.dataset.copyList));
    }
  } else if (button.dataset.download) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([listed(button.dataset.download)], { type: "text/plain" }));
    link.download = document.getElementById(button.dataset.download).dataset.file;
    link.click();
    URL.revokeObjectURL(link.href);
  } else {
    window.print();
  }
});

// Menus: the roles and arrow keys of the WAI-ARIA menu button pattern.
function dressMenus() {
  for (const menu of document.querySelectorAll(".menu:not([role])")) {
    const button = document.querySelector(`[popovertarget="${menu.id}"]`);
    if (!button) continue;
    menu.setAttribute("role", "menu");
    menu.setAttribute("aria-label", button.getAttribute("aria-label"));
    button.setAttribute("aria-haspopup", "menu");
    button.setAttribute("aria-expanded", "false");
    for (const form of menu.querySelectorAll("form")) form.setAttribute("role", "none");
    for (const head of menu.querySelectorAll(".menu-head")) head.setAttribute("role", "none");
    for (const item of menu.querySelectorAll("a, button")) {
      item.setAttribute("role", item.hasAttribute("aria-current") || item.name ? "menuitemradio" : "menuitem");
      if (item.name) item.setAttribute("aria-checked", String(item.hasAttribute("aria-current")));
      item.tabIndex = -1;
    }
    menu.addEventListener("toggle", (event) => {
      const open = event.newState === "open";
      button.setAttribute("aria-expanded", String(open));
      if (open) menu.querySelector("a, button").focus();
    });
    menu.addEventListener("keydown", (event) => move(event, menu));
  }
}

function move(event, menu) {
  const items = [...menu.querySelectorAll("a, button")];
  const at = items.indexOf(document.activeElement);
  const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: items.length - 1 }[event.key];
  if (event.key === "Tab") menu.hidePopover();
  if (to === undefined) return;
  event.preventDefault();
  items[(to + items.length) % items.length].focus();
}

// Password fields get a button that shows the password.
for (const input of document.querySelectorAll("[data-reveal-show]")) {
  const wrap = document.createElement("div");
  wrap.className = "with-reveal";
  input.before(wrap);
  const button = document.createElement("button");
  button.type = "button";
  button.setAttribute("aria-pressed", "false");
  button.setAttribute("aria-label", input.dataset.revealShow);
  button.addEventListener("click", () => {
    const shown = input.type === "password";
    input.type = shown ? "text" : "password";
    button.setAttribute("aria-pressed", String(shown));
    button.setAttribute("aria-label", shown ? input.dataset.revealHide : input.dataset.revealShow);
  });
  const focused = document.activeElement === input;
  wrap.append(input, button);
  if (focused) input.focus();
}

for (const name of ["htmx:sendError", "htmx:timeout"]) {
  document.addEventListener(name, () => {
    const notice = document.querySelector("dialog:modal") || document.getElementById("notice") || document.querySelector("main");
    const sentence = document.createElement("p");
    sentence.className = "notice danger";
    sentence.textContent = document.body.dataset.failed;
    notice.prepend(sentence);
  });
}

// The "select all" checkbox, and how many rows are selected.
document.addEventListener("change", (event) => {
  const all = document.querySelector("[data-tick-all]");
  const boxes = [...document.querySelectorAll('[type="checkbox"][form="selection"]')];
  if (event.target === all) for (const box of boxes) box.checked = all.checked;
  else if (!boxes.includes(event.target)) return;
  const ticked = boxes.filter((box) => box.checked).length;
  all.checked = ticked === boxes.length;
  all.indeterminate = ticked > 0 && !all.checked;
  const label = document.querySelector("[data-selected]");
  label.textContent = label.dataset.selected.replace("%{count}", ticked);
});

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

function dress() {
  dressMenus();
  localTimes();
  for (const box of document.querySelectorAll("[data-tick-all][hidden]")) box.hidden = false;
}

document.addEventListener("htmx:afterSettle", dress);
dress();

// On a phone the navigation is a row that scrolls. Scroll it to the current page.
const here = document.querySelector(".side [aria-current]");
if (here) here.parentElement.scrollLeft = here.offsetLeft - (here.parentElement.clientWidth - here.offsetWidth) / 2;
