// Fields and checkboxes.
"use strict";

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

// A whole token in the filter is cut to what its hint shows, so that the rest is never sent.
document.addEventListener("input", (event) => {
  if (event.target.id !== "text") return;
  event.target.value = event.target.value.replace(/^\s*(dp_(?:pat|dev|ref)_[0-9A-Za-z]{3})[0-9A-Za-z]{33}\s*$/, "$1");
}, true);

// The "select all" checkbox, and how many rows are selected.
document.addEventListener("change", (event) => {
  const all = document.querySelector("[data-tick-all]");
  const boxes = [...document.querySelectorAll('#selection [name="id"]')];
  if (event.target === all) for (const box of boxes) box.checked = all.checked;
  else if (!boxes.includes(event.target)) return;
  const ticked = boxes.filter((box) => box.checked).length;
  all.checked = ticked === boxes.length;
  all.indeterminate = ticked > 0 && !all.checked;
  const label = document.querySelector("[data-selected]");
  label.textContent = label.dataset.selected.replace("%{count}", ticked);
  announce(label.textContent);
});

function showTickAll() {
  for (const box of document.querySelectorAll("[data-tick-all][hidden]")) box.hidden = false;
}

showTickAll();
document.addEventListener("htmx:afterSettle", showTickAll);

// The repositories of a limited token. They come into view when they are asked for.
document.addEventListener("change", (event) => {
  if (event.target.name !== "reach" || event.target.value !== "named") return;
  event.target.closest("fieldset").querySelector(".names").scrollIntoView({ block: "nearest" });
});

// A search replaces what is not ticked. What is ticked moves to the top and stays, and is not listed twice.
document.addEventListener("htmx:beforeSwap", (event) => {
  if (event.detail.target?.id !== "repository-matches") return;
  const chosen = document.getElementById("repository-chosen");
  for (const box of event.detail.target.querySelectorAll(":checked")) chosen.append(box.closest("label"));
});

document.addEventListener("htmx:afterSwap", (event) => {
  if (event.detail.target?.id !== "repository-matches") return;
  const chosen = new Set([...document.querySelectorAll("#repository-chosen input")].map((box) => box.value));
  for (const box of event.detail.target.querySelectorAll("input")) if (chosen.has(box.value)) box.closest("label").remove();
});
