// Menus, and the navigation of a phone.
"use strict";

// The button that opens a menu.
function menuButton(menu) {
  return document.querySelector(`[popovertarget="${menu.id}"]`) || menu.parentElement.querySelector("[formaction]");
}

// Menus: the roles and arrow keys of the WAI-ARIA menu button pattern.
function dressMenus() {
  for (const menu of document.querySelectorAll(".menu:not([role])")) {
    const button = menuButton(menu);
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

// The rows of a long table share one menu, which is made for the row whose button is pressed. The button is a link of a form
// for those without scripts; from here on it is the menu's.
document.addEventListener("click", (event) => {
  const button = event.target.closest(".actions [formaction]");
  if (!button || !("popoverTargetElement" in button) || button.parentElement.querySelector(".menu")) return;
  const former = document.getElementById("row-actions");
  if (former) former.remove();
  const menu = document.createElement("div");
  menu.className = "menu";
  menu.id = "row-actions";
  menu.popover = "auto";
  menu.append(document.getElementById("row-menu").content.cloneNode(true));
  const [, id] = button.getAttribute("formaction").match(/([^/]+)$/);
  const status = button.closest("tr").className;
  for (const item of menu.querySelectorAll("[data-for]")) if (!item.dataset.for.split(" ").includes(status)) item.remove();
  for (const item of menu.querySelectorAll("a, form")) {
    for (const { name, value } of [...item.attributes]) item.setAttribute(name, value.replace("{id}", id));
  }
  button.after(menu);
  button.type = "button";
  button.popoverTargetElement = menu;
  dressMenus();
  htmx.process(menu);
}, true);

function move(event, menu) {
  const items = [...menu.querySelectorAll("a, button")];
  const at = items.indexOf(document.activeElement);
  const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: items.length - 1 }[event.key];
  if (event.key === "Tab") menu.hidePopover();
  if (to === undefined) return;
  event.preventDefault();
  items[(to + items.length) % items.length].focus();
}

// A link in the role of a button or of a menu item answers to Space as those do.
document.addEventListener("keydown", (event) => {
  if (event.key !== " " || !event.target.matches("a[role=menuitem], a[role=button], a[data-close]")) return;
  event.preventDefault();
  event.target.click();
});

function nameRowButtons() {
  for (const button of document.querySelectorAll(".actions [formaction]:not([aria-haspopup])")) button.setAttribute("aria-haspopup", "menu");
}

function dressAll() {
  dressMenus();
  nameRowButtons();
}

dressAll();
document.addEventListener("htmx:afterSettle", dressAll);

// On a phone the navigation is a row that scrolls. Scroll it to the current page.
function showCurrentPage() {
  const here = document.querySelector(".side [aria-current]");
  if (here) here.parentElement.scrollLeft = here.offsetLeft - (here.parentElement.clientWidth - here.offsetWidth) / 2;
}

showCurrentPage();
addEventListener("resize", showCurrentPage);
