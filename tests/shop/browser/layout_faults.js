// What is wrong with the layout and the colors of a page at its current size, as a list of texts.
// The body of a function that runs in the page.
const faults = new Set();
const screen = document.documentElement.clientWidth;
const visible = (element) => element.checkVisibility({ visibilityProperty: true })
  && element.getBoundingClientRect().width > 1
  && !element.closest('.visually-hidden, .skip, .toasts, [aria-hidden=true]');
const style = (element) => getComputedStyle(element);
const scrolls = (element) => ['auto', 'scroll', 'hidden'].includes(style(element).overflowX);
const ownText = (element) => [...element.childNodes].filter((node) => node.nodeType === Node.TEXT_NODE && node.data.trim());
const isControl = (element) => element.matches('a, button, input, select');
const name = (element) => `${element.tagName.toLowerCase()} "${(element.textContent.trim() || element.name || element.className).slice(0, 40)}"`;
const ancestors = function* (element) {
  for (let each = element; each; each = each.parentElement) yield each;
};
const elements = [...document.body.querySelectorAll('*')].filter(visible);

function leavesTheScreen(element) {
  const { left, right } = element.getBoundingClientRect();
  return (left < -0.5 || right > screen + 0.5) && ![...ancestors(element.parentElement)].some((each) => each !== document.body && scrolls(each));
}

/** Whether text does not fit into the box that it is in. */
function spills(element) {
  const { display, textOverflow, overflowX } = style(element);
  if (display === 'inline' || textOverflow === 'ellipsis' || ['auto', 'scroll'].includes(overflowX)) return false;
  return ownText(element).length > 0 && element.matches(':not(select, option, svg *)') && element.scrollWidth > element.clientWidth + 1;
}

/** Whether hardly anything that is typed can be seen. */
function isNarrow(element) {
  const { paddingLeft, paddingRight } = style(element);
  return element.matches('input:not([type=checkbox])') && element.clientWidth - parseFloat(paddingLeft) - parseFloat(paddingRight) < 80;
}

/** Controls and badges as boxes, everything else as lines of text. */
function boxes(element) {
  if (element.matches('.brand, .search, .badge, button, input, select') || style(element).textOverflow === 'ellipsis') return [element.getBoundingClientRect()];
  return ownText(element).flatMap((node) => {
    const range = document.createRange();
    range.selectNodeContents(node);
    return [...range.getClientRects()];
  });
}

function overlaps() {
  const parts = elements.filter((element) => !element.matches('option')).flatMap((element) => boxes(element).map((box) => [element, box]));
  parts.forEach(([one, a], i) => parts.slice(i + 1).forEach(([other, b]) => {
    const related = one.contains(other) || other.contains(one) || (one.closest('.search') && other.closest('.search'));
    const width = Math.min(a.right, b.right) - Math.max(a.left, b.left);
    const height = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
    if (!related && width > 1 && height > 4) faults.add(`${name(one)} overlaps ${name(other)}`);
  }));
}

const canvas = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true });
/** A color of CSS as red, green, blue and opacity. */
function channels(color) {
  canvas.clearRect(0, 0, 1, 1);
  canvas.fillStyle = color;
  canvas.fillRect(0, 0, 1, 1);
  const [red, green, blue, alpha] = canvas.getImageData(0, 0, 1, 1).data;
  return [red, green, blue, alpha / 255];
}
const over = (top, ground) => [0, 1, 2].map((i) => top[i] * top[3] + ground[i] * (1 - top[3]));
const background = (element) => [...ancestors(element)].map((each) => channels(style(each).backgroundColor))
  .reduceRight((ground, top) => over(top, ground), channels('Canvas'));
const luminance = (color) => color.map((value) => value / 255)
  .map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4))
  .reduce((sum, value, i) => sum + value * [0.2126, 0.7152, 0.0722][i], 0);

/** The contrast of WCAG 2.2 between a color and what is below it. */
function contrast(color, ground) {
  const [light, dark] = [luminance(over(channels(color), ground)), luminance(ground)].sort((a, b) => b - a);
  return (light + 0.05) / (dark + 0.05);
}

/** Level AA: 4.5 for text, 3 for large text and for the edges of fields. */
function isPale(element) {
  if (element.matches('option, :disabled')) return false;
  const { color, fontSize, fontWeight, borderTopColor } = style(element);
  const large = parseFloat(fontSize) >= 24 || (parseFloat(fontSize) >= 18.66 && fontWeight >= 700);
  if (element.matches('input:not([type=checkbox]), select') && contrast(borderTopColor, background(element.parentElement)) < 3) return true;
  return ownText(element).length > 0 && contrast(color, background(element)) < (large ? 3 : 4.5);
}

if (document.documentElement.scrollWidth > screen) faults.add(`the page is ${document.documentElement.scrollWidth} px wide`);
for (const element of elements) {
  if (leavesTheScreen(element)) faults.add(`${name(element)} leaves the screen`);
  if (spills(element)) faults.add(`${name(element)} does not fit`);
  if (isNarrow(element)) faults.add(`${name(element)} is too narrow`);
  if (isPale(element)) faults.add(`${name(element)} has too little contrast`);
  if (isControl(element) && !element.labels?.length && !element.getAttribute('aria-label') && !element.textContent.trim()) faults.add(`${element.outerHTML} has no name`);
}
overlaps();
return [...faults];
