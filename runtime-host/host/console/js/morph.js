// Updates a part of the page to look like new nodes, and keeps the nodes that stay: the focus, the
// selection, the scroll position and what is typed survive a poll.

const HANDLERS = ['onclick', 'onsubmit', 'onchange', 'oninput', 'ontoggle', 'onfocusin', 'onfocusout', 'onpointerover', 'onpointerout', 'onkeydown'];

/** Makes the children of `parent` like these nodes. */
export function morph(parent, next) {
  const old = [...parent.childNodes];
  const keyed = new Map(old.filter((node) => key(node)).map((node) => [key(node), node]));
  const plain = old.filter((node) => !key(node));
  const kept = new Set();
  let place = parent.firstChild;
  for (const wanted of next) {
    const found = key(wanted) ? keyed.get(key(wanted)) : plain.find((node) => !kept.has(node) && isAlike(node, wanted));
    const usable = found && !kept.has(found) && isAlike(found, wanted);
    const node = usable ? found : wanted;
    if (usable) { kept.add(found); update(found, wanted); }
    if (node === place) place = place.nextSibling;
    else parent.insertBefore(node, place);
  }
  for (const node of old) if (!kept.has(node)) node.remove();
}

const key = (node) => node.dataset?.key;
const isAlike = (a, b) => a.nodeType === b.nodeType && a.nodeName === b.nodeName && key(a) === key(b);

function update(old, next) {
  if (old.nodeType === Node.TEXT_NODE) {
    if (old.data !== next.data) old.data = next.data;
    return;
  }
  // What an operator has opened stays open.
  const own = old.nodeName === 'DETAILS' ? ['open'] : [];
  for (const { name } of [...old.attributes]) {
    if (!next.hasAttribute(name) && !own.includes(name)) old.removeAttribute(name);
  }
  for (const { name, value } of [...next.attributes]) {
    if (old.getAttribute(name) === value || own.includes(name)) continue;
    // The content security policy does not allow the attribute.
    if (name === 'style') old.style.cssText = value;
    else old.setAttribute(name, value);
  }
  for (const name of HANDLERS) if (old[name] !== next[name]) old[name] = next[name];
  // The options of a list, but not which one is chosen.
  morph(old, [...next.childNodes]);
}
