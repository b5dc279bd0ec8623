// A language whose texts are all 40 % longer than English. Names and codes stay as they are.
// Call it again to get English back.

if (window.beforeStretching) {
  for (const put of window.beforeStretching) put();
  delete window.beforeStretching;
  return;
}
const back = (window.beforeStretching = []);

// "Description" becomes "Deescripptionaal…": every word grows, so that the longest word does too.
function stretch(text) {
  let owed = 0;
  return text.replace(/\p{L}{2,}/gu, (word) => {
    owed += word.length * 0.4;
    const more = Math.round(owed);
    owed -= more;
    return word + word.repeat(1 + Math.ceil(more / word.length)).slice(0, more).toLowerCase();
  });
}

const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
const nodes = [];
while (walker.nextNode()) nodes.push(walker.currentNode);
for (const node of nodes) {
  if (!node.nodeValue.trim() || node.parentElement.closest("script, style, textarea, svg, pre, code, .mono, .code, .token-hint, .codes, .brand, [lang]:not(html)")) continue;
  const before = node.nodeValue;
  back.push(() => { node.nodeValue = before; });
  node.nodeValue = stretch(before);
}
for (const field of document.querySelectorAll("[placeholder]")) {
  const before = field.placeholder;
  back.push(() => { field.placeholder = before; });
  field.placeholder = stretch(before);
}
