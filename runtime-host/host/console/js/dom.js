// Creating elements. Text always becomes a text node: names, log lines and events can't become
// markup, whatever they contain.

const SVG = 'http://www.w3.org/2000/svg';

/**
 * Creates an element.
 * @param {string} tag
 * @param {Object} [props] attributes; `on*` functions are handlers; `testid` and `key` are
 *   data attributes; `styles` sets custom properties; `class` may be a list; false, null and
 *   undefined omit the attribute, true sets it to the empty string.
 * @param {...(Node|string|number|null|false|Array)} children
 */
export function h(tag, props = {}, ...children) {
  return create(document.createElement(tag), props, children);
}

/** Creates an element of SVG. */
export function s(tag, props = {}, ...children) {
  return create(document.createElementNS(SVG, tag), props, children);
}

function create(element, props, children) {
  for (const [name, value] of Object.entries(props)) {
    if (value === false || value === null || value === undefined) continue;
    if (name.startsWith('on')) element[name] = value;
    else if (name === 'testid' || name === 'key') element.dataset[name] = value;
    else if (name === 'styles') for (const [property, text] of Object.entries(value)) element.style.setProperty(property, text);
    else if (name === 'class') { if (words(value)) element.setAttribute('class', words(value)); }
    else element.setAttribute(name, value === true ? '' : String(value));
  }
  element.append(...nodes(children));
  return element;
}

const words = (value) => [value].flat().filter(Boolean).join(' ');

/** Children as nodes and texts. */
export function nodes(children) {
  return [children].flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false)
    .map((child) => (child instanceof Node ? child : String(child)));
}

/** Replaces the children of `parent`. */
export function fill(parent, ...children) {
  parent.replaceChildren(...nodes(children));
}

/** Announces a text to users of screen readers. */
export function announce(text) {
  const status = document.getElementById('status');
  status.textContent = '';
  // A later change is announced even if the text is the same as before.
  setTimeout(() => { status.textContent = text; }, 50);
}

const TOAST_MS = 6000;

/** Shows a short message at the bottom of the page, and announces it. */
export function toast(text, tone = 'plain') {
  const item = h('div', { class: 'toast', 'data-tone': tone, testid: 'toast' }, text);
  document.getElementById('toasts').replaceChildren(item);
  setTimeout(() => item.remove(), TOAST_MS);
  announce(text);
}

/** Asks the operator to confirm; resolves to true if it is confirmed. */
export function confirm({ title, text, yes, danger = false }) {
  return dialog({ title, body: [h('p', {}, text)], yes, danger }).then((form) => form !== null);
}

/**
 * Shows a dialog with a form. Resolves to the form's data, or to null if it is canceled.
 * @param {{title: string, body: Array, yes: string, danger?: boolean}} texts
 */
export function dialog({ title, body, yes, danger = false }) {
  return new Promise((resolve) => {
    const form = h('form', { method: 'dialog', class: 'stack' },
      h('h2', { id: 'dialog-title' }, title), ...body,
      h('div', { class: 'row end' },
        h('button', { class: 'button', type: 'button', onclick: () => element.close('no'), testid: 'confirm-no' }, 'Cancel'),
        h('button', { class: ['button', danger ? 'danger' : 'primary'], type: 'submit', value: 'yes', testid: 'confirm-yes' }, yes)));
    const element = h('dialog', { class: 'dialog', 'aria-labelledby': 'dialog-title', testid: 'dialog' }, form);
    element.onclose = () => {
      const data = element.returnValue === 'yes' ? new FormData(form) : null;
      element.remove();
      resolve(data);
    };
    document.body.append(element);
    element.showModal();
  });
}
