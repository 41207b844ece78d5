// Making elements. Text always arrives as text nodes: there is no innerHTML in this shop, so
// nothing that a product or a person is called can become markup.

/**
 * Makes an element.
 * @param {string} tag
 * @param {Object} [props] attributes; `on*` functions are listeners, `testid` is data-testid,
 *   false, null and undefined leave the attribute out, true sets it empty.
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

/** Replaces what is inside `parent`. */
export function fill(parent, ...children) {
  parent.replaceChildren(...nodes(children));
}

function nodes(children) {
  return children.flat(Infinity).filter((c) => c !== null && c !== undefined && c !== false)
    .map((c) => (c instanceof Node ? c : String(c)));
}

/** Tells people who listen to the page instead of seeing it. */
export function announce(text) {
  const status = document.getElementById('status');
  status.textContent = '';
  // A change in the next turn is read out even when the text is the same as before.
  setTimeout(() => { status.textContent = text; }, 50);
}

const TOAST_MS = 5000;

/** Shows a short message at the lower edge, with an optional link, and announces it. */
export function toast(text, link) {
  const item = h('div', { class: 'toast', testid: 'toast' }, h('span', {}, text),
    link && h('a', { href: link.href }, link.text));
  document.getElementById('toasts').replaceChildren(item);
  setTimeout(() => item.remove(), TOAST_MS);
  announce(text);
}

/** The picture of a product; decorative, because its name always stands beside it. */
export function picture(product, props = {}) {
  const src = product.image ?? `/images/${encodeURIComponent(product.sku)}.svg`;
  return h('img', { src, alt: '', width: 600, height: 600, loading: 'lazy', decoding: 'async', ...props });
}

/** A page that has nothing to show. */
export function empty(title, text, ...actions) {
  return h('div', { class: 'empty', testid: 'empty' }, h('h1', {}, title), h('p', {}, text), ...actions);
}

/**
  * Asks for confirmation of something that can't be undone; true if it is confirmed.
 * @param {{title: string, text: string, yes: string, no: string}} words
 */
export function confirmed({ title, text, yes, no }) {
  return new Promise((resolve) => {
    const answer = (value, testid, extra, words) => h('button', { class: `button ${extra}`, value, testid }, words);
    const dialog = h('dialog', { class: 'panel', testid: 'confirm', 'aria-labelledby': 'confirm-title', 'aria-describedby': 'confirm-text' },
      h('form', { method: 'dialog', class: 'stack' },
        h('h2', { id: 'confirm-title' }, title),
        h('p', { class: 'muted', id: 'confirm-text' }, text),
        h('div', { class: 'row' }, answer('no', 'confirm-no', 'outline', no), answer('yes', 'confirm-yes', 'bad', yes))));
    dialog.addEventListener('close', () => { dialog.remove(); resolve(dialog.returnValue === 'yes'); }, { once: true });
    document.body.append(dialog);
    dialog.showModal();
  });
}
