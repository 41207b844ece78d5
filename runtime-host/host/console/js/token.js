// The admin token. It is kept for this tab only, and is forgotten when the tab is closed.

import { announce, h } from './dom.js';

const KEY = 'tessera.admin-token';

let isRefused = false;
let listener = () => {};

/** The token; null if the operator has not entered one. */
export const get = () => sessionStorage.getItem(KEY);

/** Called when the token changes. */
export const onChange = (callback) => { listener = callback; };

/** The host refused the token: it is not sent again. */
export function refused() {
  isRefused = true;
  sessionStorage.removeItem(KEY);
}

/** Forgets the token. */
export function forget() {
  isRefused = false;
  sessionStorage.removeItem(KEY);
  listener();
}

function enter(text) {
  isRefused = false;
  sessionStorage.setItem(KEY, text);
  listener();
}

/** Asks for the token, in place of what needs it. `stateDir` is the host's state directory. */
export function form(stateDir) {
  const submit = (event) => {
    event.preventDefault();
    const text = new FormData(event.target).get('token').trim();
    if (text) enter(text);
    else announce('Enter the token.');
  };
  return h('form', { class: 'panel token stack', onsubmit: submit, testid: 'token-form', key: 'token-form' },
    h('h2', {}, 'This page needs the admin token'),
    h('p', { class: 'muted' }, 'Changes, and pages that may show personal data, need it. Print it on the machine of the host:'),
    h('pre', { class: 'command', tabindex: '0', testid: 'token-command' }, `cat ${quoted(`${stateDir}/admin-token`)}`),
    isRefused && h('p', { class: 'fault', role: 'alert', testid: 'token-refused' }, 'The host does not accept this token. Print it again: each state directory has its own.'),
    h('label', { class: 'field' }, h('span', {}, 'Admin token'),
      h('input', { name: 'token', type: 'password', autocomplete: 'off', spellcheck: 'false', required: true, 'aria-invalid': isRefused ? 'true' : null, testid: 'token-input' })),
    h('div', { class: 'row' }, h('button', { class: 'button primary', type: 'submit', testid: 'token-submit' }, 'Use this token')),
    h('p', { class: 'muted small' }, 'It stays in this browser tab until the tab is closed.'));
}

/** A path for a shell. */
const quoted = (path) => (/^[\w./-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`);
