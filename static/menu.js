// Menus, and the navigation of a phone.
"use strict";

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

// A link in the role of a button or of a menu item answers to Space as those do.
document.addEventListener("keydown", (event) => {
  if (event.key !== " " || !event.target.matches("a[role=menuitem], a[role=button], a[data-close]")) return;
  event.preventDefault();
  event.target.click();
});

dressMenus();
document.addEventListener("htmx:afterSettle", dressMenus);

// On a phone the navigation is a row that scrolls. Scroll it to the current page.
const here = document.querySelector(".side [aria-current]");
if (here) here.parentElement.scrollLeft = here.offsetLeft - (here.parentElement.clientWidth - here.offsetWidth) / 2;
