// Forms: fields with their faults beside them, and what happens between submit and answer.

import { h, announce } from './dom.js';
import { Problem } from './api.js';

/** The minimum length of a new password. The server has more rules and explains them. */
export const PASSWORD_LENGTH_MIN = 8;
export const PASSWORD_HINT = `At least ${PASSWORD_LENGTH_MIN} characters. A few words are easier to remember than signs.`;

let fieldCount = 0;

/**
 * A labelled field.
 * @param {{label: string, name: string, pointer?: string, hint?: string, options?: Array<[string, string]>, class?: string}} field
 *   `pointer` is the JSON pointer of the member that the field fills (`/name` by default);
 *   everything else goes to the input.
 */
export function field({ label, name, pointer = `/${name}`, hint, options, class: extra = '', ...attributes }) {
  fieldCount += 1;
  const id = `field-${fieldCount}`;
  const described = [hint && `${id}-hint`, `${id}-fault`].filter(Boolean).join(' ');
  const shared = { id, name, 'data-pointer': pointer, 'aria-describedby': described, testid: name, ...attributes };
  const control = options
    ? h('select', shared, options.map(([value, text]) => h('option', { value, selected: value === attributes.value }, text)))
    : h('input', shared);
  return h('div', { class: `field ${extra}` },
    h('label', { for: id }, label),
    control,
    hint && h('p', { class: 'hint', id: `${id}-hint` }, hint),
    h('p', { class: 'fault', id: `${id}-fault`, testid: `${name}-fault` }));
}

/** A field for a password. */
export const passwordField = (attributes) => field({ type: 'password', required: true, ...attributes });

/** The place for faults that belong to no field. */
export const formFault = () => h('div', { class: 'notice bad form-fault', role: 'alert', testid: 'form-error' });

/** A form that submits through `action(values, form)`; Problems are shown, other errors too. */
export function form(props, action, ...children) {
  const element = h('form', {
    novalidate: true,
    ...props,
    onsubmit: async (event) => {
      event.preventDefault();
      const button = event.submitter ?? element.querySelector('[type=submit]');
      if (button?.getAttribute('aria-busy') === 'true') return;
      clear(element);
      if (!check(element)) return;
      button?.setAttribute('aria-busy', 'true');
      try {
        await action(Object.fromEntries(new FormData(element)), element);
      } catch (problem) {
        show(element, problem);
      } finally {
        button?.removeAttribute('aria-busy');
      }
    },
  }, ...children);
  return element;
}

/** Lets the browser's own rules speak in our place for faults. */
function check(element) {
  const invalid = [...element.elements].filter((control) => control.willValidate && !control.validity.valid);
  invalid.forEach((control) => mark(control, control.validationMessage));
  invalid[0]?.focus();
  if (invalid.length > 0) announce(`Please check ${invalid.length === 1 ? 'one field' : `${invalid.length} fields`}.`);
  return invalid.length === 0;
}

function clear(element) {
  element.querySelectorAll('[aria-invalid]').forEach((control) => mark(control, ''));
  element.querySelector('.form-fault')?.replaceChildren();
}

function mark(control, text) {
  if (text) control.setAttribute('aria-invalid', 'true');
  else control.removeAttribute('aria-invalid');
  const place = document.getElementById(`${control.id}-fault`);
  if (place) place.textContent = text;
}

/** Shows a problem: each fault at its field, the rest above the form. */
export function show(element, problem) {
  if (!(problem instanceof Problem)) console.error(problem);
  const words = problem instanceof Problem ? problem.words : 'Something went wrong in this page. Please reload it.';
  const left = [];
  let first = null;
  for (const { pointer, detail } of problem.faults ?? []) {
    const control = element.querySelector(`[data-pointer="${CSS.escape(pointer)}"]`);
    if (control) {
      mark(control, sentence(detail));
      first ??= control;
    } else {
      left.push(sentence(detail));
    }
  }
  const place = element.querySelector('.form-fault');
  place?.replaceChildren(words, ...(left.length > 0 ? [h('ul', {}, left.map((text) => h('li', {}, text)))] : []));
  (first ?? place)?.scrollIntoView({ block: 'nearest' });
  first?.focus();
}

const sentence = (text) => text.charAt(0).toUpperCase() + text.slice(1);
