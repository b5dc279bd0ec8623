// The lists: what screen readers hear after a change of view, where the focus goes, and the order on a phone.
"use strict";

document.addEventListener("htmx:afterSwap", (event) => {
  const { target, requestConfig } = event.detail;
  if (!target || target.id !== "tokens" || !requestConfig) return;
  const { elt } = requestConfig;
  // Another page: its rows begin below the heading. After sorting, htmx leaves the focus on the column's link.
  if (elt.rel === "prev" || elt.rel === "next") document.querySelector("h1").focus();
  const found = document.querySelector("#tokens [data-announce]");
  if (found && !elt.closest("thead")) announce(found.dataset.announce);
});

// The select that sorts cards is part of the filter. The direction belongs to the column that was chosen before.
document.addEventListener("change", (event) => {
  if (event.target.id !== "sort") return;
  const direction = document.getElementById("direction");
  if (direction) direction.remove();
  htmx.trigger("#filter", "submit");
});

// The row on which a person acted stays under the pointer, whatever grew or shrank above it.
let controlTop = null;

function openerOnPage() {
  return opener && document.querySelector(`${opener}:is(.actions *)`);
}

document.addEventListener("htmx:beforeOnLoad", (event) => {
  // Filters and sorting answer with other rows, and their controls stay where they are.
  const control = event.detail.target === holder ? openerOnPage() : null;
  controlTop = control ? control.getBoundingClientRect().top : null;
});

document.addEventListener("htmx:afterSettle", () => {
  const control = controlTop !== null && openerOnPage();
  if (control) window.scrollBy({ top: control.getBoundingClientRect().top - controlTop, behavior: "instant" });
});

// Refusals that were opened stay open when one of them is dealt with.
document.addEventListener("htmx:oobBeforeSwap", (event) => {
  const was = event.detail.target.querySelector(".refusals details[open]");
  const is = was && event.detail.fragment.querySelector(".refusals details");
  if (is) is.open = true;
});

// Browsers lose the roles of a table that the stylesheet lays out as cards.
function nameTableRoles() {
  const roles = { table: "table", thead: "rowgroup", tbody: "rowgroup", tr: "row", td: "cell" };
  for (const table of document.querySelectorAll("table.tokens")) {
    table.setAttribute("role", "table");
    for (const [name, role] of Object.entries(roles)) {
      for (const part of table.querySelectorAll(name)) part.setAttribute("role", role);
    }
    for (const heading of table.querySelectorAll("th")) {
      heading.setAttribute("role", heading.scope === "row" ? "rowheader" : "columnheader");
    }
  }
}

nameTableRoles();
document.addEventListener("htmx:afterSettle", nameTableRoles);
