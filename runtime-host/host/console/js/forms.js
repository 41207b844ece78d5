// Fields and filters.

import { h } from './dom.js';

/** A labeled field; with `options`, a list of `[value, label]`. */
export function field({ label, name, options, value, hint, ...props }) {
  const control = options
    ? h('select', { name, testid: `field-${name}`, ...props }, options.map(([each, text]) => h('option', { value: each, selected: each === value }, text)))
    : h('input', { name, value, testid: `field-${name}`, spellcheck: 'false', autocomplete: 'off', ...props });
  return h('label', { class: 'field', key: `field-${name}` }, h('span', {}, label), control, hint && h('small', { class: 'muted' }, hint));
}

/** A labeled checkbox. */
export const check = ({ label, name, checked, ...props }) =>
  h('label', { class: 'check', key: `check-${name}` }, h('input', { type: 'checkbox', name, value: 'true', checked, testid: `field-${name}`, ...props }), h('span', {}, label));

/** What is entered in a form, without empty values. */
export function values(form) {
  const all = [...new FormData(form)].map(([name, value]) => [name, value.trim()]);
  return Object.fromEntries(all.filter(([, value]) => value !== ''));
}

/** A form above a list that chooses what the list shows. `label` distinguishes it from other forms. */
export const filter = ({ name, label, apply }, ...children) =>
  h('form', { class: 'filter', role: 'search', 'aria-label': label, testid: name, key: name, onsubmit: (event) => { event.preventDefault(); apply(values(event.target)); } },
    ...children, h('button', { class: 'button', type: 'submit', testid: `${name}-apply` }, 'Search'));
