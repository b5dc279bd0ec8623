// Tabs: the roles and keys of the WAI-ARIA tabs pattern. Without the script, headings and their sections.
"use strict";

function dressTabs() {
  for (const tabs of document.querySelectorAll(".tabs:not(.dressed)")) {
    tabs.classList.add("dressed");
    const list = document.createElement("div");
    list.setAttribute("role", "tablist");
    list.setAttribute("aria-labelledby", tabs.querySelector(".tabs-title").id);
    for (const panel of tabs.querySelectorAll(".tab")) {
      const heading = panel.querySelector(".tab-name");
      const tab = document.createElement("button");
      tab.type = "button";
      tab.id = `${panel.id}-tab`;
      tab.textContent = heading.textContent;
      tab.setAttribute("role", "tab");
      tab.setAttribute("aria-controls", panel.id);
      panel.setAttribute("role", "tabpanel");
      panel.setAttribute("aria-labelledby", tab.id);
      heading.remove();
      list.append(tab);
    }
    tabs.querySelector(".tab").before(list);
    list.addEventListener("click", (event) => {
      if (event.target !== list) selectTab(event.target);
    });
    list.addEventListener("keydown", moveTab);
    selectTab(list.firstChild);
  }
}

function selectTab(chosen) {
  for (const tab of chosen.parentElement.children) {
    tab.setAttribute("aria-selected", String(tab === chosen));
    tab.tabIndex = tab === chosen ? 0 : -1;
    document.getElementById(tab.getAttribute("aria-controls")).hidden = tab !== chosen;
  }
  // On a phone the tabs are a row that scrolls.
  const list = chosen.parentElement;
  list.scrollLeft = chosen.offsetLeft - list.offsetLeft - (list.clientWidth - chosen.offsetWidth) / 2;
}

function moveTab(event) {
  const tabs = [...event.currentTarget.children];
  const at = tabs.indexOf(document.activeElement);
  const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: tabs.length - 1 }[event.key];
  if (to === undefined) return;
  event.preventDefault();
  const tab = tabs[(to + tabs.length) % tabs.length];
  selectTab(tab);
  tab.focus();
}

dressTabs();
document.addEventListener("htmx:afterSwap", dressTabs);
