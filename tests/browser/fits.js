// What does not fit: a page or dialog that scrolls sideways, and text that is cut off, runs out of its box, or lies over
// other text. Runs in the page under test and returns its findings.

const faults = [];
const say = (fault, element) => faults.push(`${fault}: ${element.outerHTML.replace(/\s+/g, " ").slice(0, 160)}`);

// What lies under a dialog is measured without it.
const modal = document.querySelector("dialog:modal");
const all = modal || document.body;

const box = modal || document.documentElement;
if (box.scrollWidth > box.clientWidth) {
  const end = box.getBoundingClientRect().left + box.clientWidth;
  const scrolls = (element) => element !== box && (/auto|scroll|hidden/.test(getComputedStyle(element).overflowX) || scrolls(element.parentElement));
  const beyond = [...box.querySelectorAll("*")].filter((element) => element.getBoundingClientRect().right > end + 0.5 && !scrolls(element.parentElement));
  say(`scrolls sideways, ${box.scrollWidth} > ${box.clientWidth}`, beyond.pop() || box);
}

// Hidden from sight but read aloud.
function isForScreenReaders(element) {
  for (let at = element; at; at = at.parentElement) if (getComputedStyle(at).clipPath === "inset(50%)") return true;
  return false;
}

function boxOf(element) {
  let at = element;
  while (/^(inline|contents)$/.test(getComputedStyle(at).display)) at = at.parentElement;
  return at;
}

// Text floats over other text on purpose in what is above the page: open menus, dialogs, notices, sticky bars.
function layerOf(element) {
  for (let at = element; at; at = at.parentElement) {
    const style = getComputedStyle(at);
    if (at.matches("[popover], dialog:modal, dialog:modal *[role=status]") || /^(fixed|sticky)$/.test(style.position)) return at;
  }
  return document.body;
}

// The part of a rectangle that its scrolling ancestors show, and whether an ancestor that does not scroll cuts it.
function shownPart(rect, element) {
  const shown = { left: rect.left, right: rect.right, top: rect.top, bottom: rect.bottom, isCut: false };
  for (let at = element; at && at !== document.body; at = at.parentElement) {
    const style = getComputedStyle(at);
    if (style.display === "inline" || style.display === "contents") continue;
    const box = at.getBoundingClientRect();
    const [x, y] = [style.overflowX, style.overflowY];
    const slack = parseFloat(style.fontSize) * 0.3;
    if (/hidden|clip/.test(x) && (rect.left < box.left - 1 || rect.right > box.right + 1)) shown.isCut = true;
    if (/hidden|clip/.test(y) && (rect.top < box.top - slack || rect.bottom > box.bottom + slack)) shown.isCut = true;
    if (/auto|scroll/.test(x)) [shown.left, shown.right] = [Math.max(shown.left, box.left), Math.min(shown.right, box.right)];
    if (/auto|scroll/.test(y)) [shown.top, shown.bottom] = [Math.max(shown.top, box.top), Math.min(shown.bottom, box.bottom)];
    if (/^(fixed)$/.test(style.position) || at.matches(":modal, [popover]")) break;
  }
  return shown;
}

const pieces = [];
const walker = document.createTreeWalker(all, NodeFilter.SHOW_TEXT);
for (let node = walker.nextNode(); node; node = walker.nextNode()) {
  const element = node.parentElement;
  if (!node.nodeValue.trim() || element.closest("script, style, option, textarea, svg")) continue;
  if (!element.checkVisibility({ visibilityProperty: true, opacityProperty: true }) || isForScreenReaders(element)) continue;
  const range = document.createRange();
  range.selectNodeContents(node);
  const box = boxOf(element);
  const around = box.getBoundingClientRect();
  const style = getComputedStyle(element);
  // Shortened on purpose, and whole in its title.
  if (style.textOverflow === "ellipsis" && element.title === node.nodeValue) continue;
  const size = parseFloat(style.fontSize);
  const hasEdge = /^(BUTTON|LABEL)$/.test(box.tagName) || box.matches(".button, .badge, .notice") || style.borderTopWidth !== "0px";
  let isOut = false;
  let isCut = false;
  for (const rect of range.getClientRects()) {
    if (rect.width <= 1) continue;
    if (rect.left < around.left - 1 || rect.right > around.right + 1) isOut ||= !/auto|scroll/.test(getComputedStyle(box).overflowX);
    if (hasEdge && (rect.top < around.top - size * 0.3 || rect.bottom > around.bottom + size * 0.3)) isOut ||= !/auto|scroll/.test(getComputedStyle(box).overflowY);
    const shown = shownPart(rect, element);
    isCut ||= shown.isCut;
    // Fonts reserve room above and below their letters. Only the letters count.
    const [top, bottom] = [shown.top + rect.height * 0.25, shown.bottom - rect.height * 0.2];
    if (shown.right - shown.left > 2 && bottom > top) pieces.push({ node, element, left: shown.left + 1, right: shown.right - 1, top, bottom });
  }
  if (isOut) say("text runs out of its box", element);
  if (isCut) say("text is cut", element);
}

const layers = new Map();
for (const piece of pieces) {
  const layer = layerOf(piece.element);
  if (!layers.has(layer)) layers.set(layer, []);
  layers.get(layer).push(piece);
}
for (const layer of layers.values()) {
  layer.sort((a, b) => a.top - b.top);
  const told = new Set();
  for (let i = 0; i < layer.length; i += 1) {
    for (let j = i + 1; j < layer.length && layer[j].top < layer[i].bottom; j += 1) {
      const [a, b] = [layer[i], layer[j]];
      if (a.node === b.node || a.left >= b.right || b.left >= a.right || told.has(a.element)) continue;
      told.add(a.element);
      say(`text lies over “${b.node.nodeValue.trim().slice(0, 40)}”`, a.element);
    }
  }
}

// The chosen option of a select and the placeholder of a field have one line that cannot grow.
const pen = document.createElement("canvas").getContext("2d");
for (const field of all.querySelectorAll("select, input[placeholder]")) {
  if (!field.checkVisibility() || isForScreenReaders(field)) continue;
  const style = getComputedStyle(field);
  pen.font = `${style.fontWeight} ${style.fontSize} ${style.fontFamily}`;
  const isSelect = field.tagName === "SELECT";
  const text = isSelect ? field.selectedOptions[0]?.text ?? "" : field.value ? "" : field.placeholder;
  const room = field.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight) - (isSelect ? 16 : 0);
  if (pen.measureText(text).width > room + 1) say(`“${text}” is cut`, field);
}
for (const area of all.querySelectorAll("textarea[readonly]")) {
  if (area.checkVisibility() && area.scrollHeight > area.clientHeight + 1) say("text is cut", area);
}
return faults;
