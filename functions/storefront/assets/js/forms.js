// Forms: fields with their error messages, and submission.

import { h, announce } from './dom.js';
import { Problem } from './api.js';

/** The minimum length of a new password. The server has more rules and explains them. */
export const PASSWORD_LENGTH_MIN = 8;
export const PASSWORD_HINT = `At least ${PASSWORD_LENGTH_MIN} characters. A few words are easier to remember than special characters.`;

let fieldCount = 0;

/**
 * A field with a label.
 * @param {{label: string, name: string, pointer?: string, hint?: string, options?: Array<[string, string]>, class?: string}} field
 *   `pointer` is the JSON pointer of the member that the field fills (`/name` by default);
 *   all other properties become attributes of the input.
 */
export function field({ label, name, pointer = `/${name}`, hint, options, class: extra = '', ...attributes }) {
  fieldCount += 1;
  const id = `field-${fieldCount}`;
  const described = [hint && `${id}-hint`, `${id}-error`].filter(Boolean).join(' ');
  const shared = { id, name, 'data-pointer': pointer, 'aria-describedby': described, testid: name, ...attributes };
  const control = options
    ? h('select', shared, options.map(([value, text]) => h('option', { value, selected: value === attributes.value }, text)))
    : h('input', shared);
  return h('div', { class: `field ${extra}` },
    h('label', { for: id }, label),
    control,
    hint && h('p', { class: 'hint', id: `${id}-hint` }, hint),
    h('p', { class: 'error', id: `${id}-error`, testid: `${name}-fault` }));
}

/** A password field. */
export const passwordField = (attributes) => field({ type: 'password', required: true, ...attributes });

/** The element for errors that do not belong to a field. */
export const formError = () => h('div', { class: 'notice bad form-error', role: 'alert', testid: 'form-error' });

/** A form that is submitted by `action(values, form)`. Errors of the action are shown. */
export function form(props, action, ...children) {
  const element = h('form', {
    novalidate: true,
    ...props,
    onsubmit: async (event) => {
      event.preventDefault();
      const button = event.submitter ?? element.querySelector('[type=submit]');
      if (button?.getAttribute('aria-busy') === 'true') return;
      clear(element);
      if (!validate(element)) return;
      button?.setAttribute('aria-busy', 'true');
      try {
        await action(Object.fromEntries(new FormData(element)), element);
      } catch (problem) {
        showProblem(element, problem);
      } finally {
        button?.removeAttribute('aria-busy');
      }
    },
  }, ...children);
  return element;
}

/** Validates the form by the constraints of its fields, and shows the browser's messages. */
function validate(element) {
  const invalid = [...element.elements].filter((control) => control.willValidate && !control.validity.valid);
  invalid.forEach((control) => setError(control, control.validationMessage));
  invalid[0]?.focus();
  if (invalid.length > 0) announce(`Please check ${invalid.length === 1 ? 'one field' : `${invalid.length} fields`}.`);
  return invalid.length === 0;
}

function clear(element) {
  element.querySelectorAll('[aria-invalid]').forEach((control) => setError(control, ''));
  element.querySelector('.form-error')?.replaceChildren();
}

function setError(control, text) {
  if (text) control.setAttribute('aria-invalid', 'true');
  else control.removeAttribute('aria-invalid');
  const message = document.getElementById(`${control.id}-error`);
  if (message) message.textContent = text;
}

/** Shows a problem: errors of fields at their fields, all others above the form. */
export function showProblem(element, problem) {
  if (!(problem instanceof Problem)) console.error(problem);
  const message = problem instanceof Problem ? problem.userMessage : 'An error occurred on this page. Please reload it.';
  const others = [];
  let first = null;
  for (const { pointer, detail } of problem.errors ?? []) {
    const control = element.querySelector(`[data-pointer="${CSS.escape(pointer)}"]`);
    if (control) {
      setError(control, sentence(detail));
      first ??= control;
    } else {
      others.push(sentence(detail));
    }
  }
  const summary = element.querySelector('.form-error');
  summary?.replaceChildren(message, ...(others.length > 0 ? [h('ul', {}, others.map((text) => h('li', {}, text)))] : []));
  (first ?? summary)?.scrollIntoView({ block: 'nearest' });
  first?.focus();
}

const sentence = (text) => text.charAt(0).toUpperCase() + text.slice(1);
