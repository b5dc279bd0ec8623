// Buttons that copy a token or recovery codes; download and print.
"use strict";

document.addEventListener("copy", () => {
  const field = document.activeElement;
  if (field && field.id === "secret" && field.selectionEnd - field.selectionStart === field.value.length) noteCopied();
});

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const source = document.getElementById(button.dataset.copy);
  try {
    await navigator.clipboard.writeText(source.value ?? source.textContent);
    if (source.id === "secret") noteCopied();
    showCopied(button);
    say(button, button.dataset.copied);
  } catch {
    source.focus();
    if (source.select) source.select();
    else window.getSelection().selectAllChildren(source);
    say(button, button.dataset.byHand);
  }
});

function showCopied(button) {
  button.textContent = button.dataset.copied;
  button.classList.add("done");
}

function say(button, sentence) {
  const status = button.closest(".copied-part").querySelector("[data-copy-said]");
  status.textContent = sentence;
  status.classList.toggle("hidden", sentence === button.dataset.copied);
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
      noteCopied();
      showCopied(button);
    } catch {
      window.getSelection().selectAllChildren(document.getElementById(button.dataset.copyList));
    }
  } else if (button.dataset.download) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([listed(button.dataset.download)], { type: "text/plain" }));
    link.download = document.getElementById(button.dataset.download).dataset.file;
    link.click();
    URL.revokeObjectURL(link.href);
    noteCopied();
  } else {
    window.print();
    noteCopied();
  }
});
