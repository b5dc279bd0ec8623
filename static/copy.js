// Buttons that copy a token or recovery codes; download and print.
"use strict";

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
