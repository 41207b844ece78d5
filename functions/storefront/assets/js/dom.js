// Creating elements. Text always becomes a text node: the shop does not use innerHTML, so names of
// products and users can't become markup.

/**
 * Creates an element.
 * @param {string} tag
 * @param {Object} [props] attributes; `on*` functions are listeners, `testid` is data-testid,
 *   false, null and undefined omit the attribute, true sets it to the empty string.
 * @param {...(Node|string|number|null|false|Array)} children
 * @returns {HTMLElement}
 */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === false || value === null || value === undefined) continue;
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else if (name === 'testid') element.dataset.testid = value;
    else element.setAttribute(name, value === true ? '' : String(value));
  }
  element.append(...nodes(children));
  return element;
}

/** Replaces the children of `parent`. */
export function fill(parent, ...children) {
  parent.replaceChildren(...nodes(children));
}

function nodes(children) {
  return children.flat(Infinity).filter((c) => c !== null && c !== undefined && c !== false)
    .map((c) => (c instanceof Node ? c : String(c)));
}

/** Announces a text to users of screen readers. */
export function announce(text) {
  const status = document.getElementById('status');
  status.textContent = '';
  // A later change is announced even if the text is the same as before.
  setTimeout(() => { status.textContent = text; }, 50);
}

const TOAST_MS = 5000;

/** Shows a short message at the bottom of the page, with an optional link, and announces it. */
export function toast(text, link) {
  const item = h('div', { class: 'toast', testid: 'toast' }, h('span', {}, text),
    link && h('a', { href: link.href }, link.text));
  document.getElementById('toasts').replaceChildren(item);
  setTimeout(() => item.remove(), TOAST_MS);
  announce(text);
}

/** The picture of a product; decorative, because the name of the product is always beside it. */
export function picture(product, props = {}) {
  const src = product.image ?? `/images/${encodeURIComponent(product.sku)}.svg`;
  return h('img', { src, alt: '', width: 600, height: 600, loading: 'lazy', decoding: 'async', ...props });
}

/** The content of a page or list without items. */
export function empty(title, text, ...actions) {
  return h('div', { class: 'empty', testid: 'empty' }, h('h1', {}, title), h('p', {}, text), ...actions);
}

/**
 * Asks the user to confirm an action that can't be undone; true if it is confirmed.
 * @param {{title: string, text: string, yes: string, no: string}} texts `yes` and `no` are the labels of the buttons.
 */
export function askConfirmation({ title, text, yes, no }) {
  return new Promise((resolve) => {
    const button = (value, testid, style, label) => h('button', { class: `button ${style}`, value, testid }, label);
    const dialog = h('dialog', { class: 'panel', testid: 'confirm', 'aria-labelledby': 'confirm-title', 'aria-describedby': 'confirm-text' },
      h('form', { method: 'dialog', class: 'stack' },
        h('h2', { id: 'confirm-title' }, title),
        h('p', { class: 'muted', id: 'confirm-text' }, text),
        h('div', { class: 'row' }, button('no', 'confirm-no', 'outline', no), button('yes', 'confirm-yes', 'bad', yes))));
    dialog.addEventListener('close', () => { dialog.remove(); resolve(dialog.returnValue === 'yes'); }, { once: true });
    document.body.append(dialog);
    dialog.showModal();
  });
}
