// Password reset: the page that requests a link by e-mail, and the page of the link.

import { fill, h, toast } from '../dom.js';
import { form, formError, passwordField, PASSWORD_HINT, PASSWORD_LENGTH_MIN } from '../forms.js';
import { call, Problem } from '../api.js';
import * as router from '../router.js';
import * as session from '../session.js';
import { emailField } from './sign-in.js';

export function forgot() {
  const node = h('div', { class: 'narrow stack loose' });
  const ask = form({ class: 'panel stack', testid: 'forgot-form' }, async (values) => {
    await call('POST', '/api/v1/password-resets', { body: { email: values.email.trim() }, repeatable: true, anonymous: true });
    fill(node, h('h1', { tabindex: '-1' }, 'Check your mail'),
      h('p', { class: 'notice', role: 'status', testid: 'reset-sent' },
        'If this address has an account, you will get a mail with a link. The link can be used once within 30 minutes.'),
      h('p', {}, h('a', { href: '/sign-in' }, 'Back to the sign-in')));
    node.querySelector('h1').focus();
  },
  formError(),
  emailField(),
  h('button', { class: 'button wide', type: 'submit', testid: 'submit' }, 'Send me a link'));
  fill(node, h('div', {}, h('h1', {}, 'Forgot your password?'),
    h('p', { class: 'muted' }, 'We send you a link to choose a new one.')), ask);
  return { title: 'Forgot password', node };
}

// The token is removed from the address bar immediately, so that it is not in the history or in
// screenshots. It is kept here until the user leaves the page.
let token = null;

export function reset({ query }) {
  if (query.has('token')) {
    token = query.get('token');
    history.replaceState(history.state, '', '/reset');
  }
  if (!token) return { title: 'New password', node: outdated() };
  const node = h('div', { class: 'narrow stack loose' },
    h('div', {}, h('h1', {}, 'Choose a new password'),
      h('p', { class: 'muted' }, 'You will be signed out on all devices.')),
    form({ class: 'panel stack', testid: 'reset-form' }, async (values) => {
      try {
        await call('PUT', `/api/v1/password-resets/${encodeURIComponent(token)}`, { body: { new_password: values.new_password }, attempts: 1, anonymous: true });
      } catch (problem) {
        if (!(problem instanceof Problem) || problem.status !== 404) throw problem;
        token = null;
        await router.reload();
        return;
      }
      token = null;
      await session.end();
      await router.go('/sign-in', { replace: true });
      toast('Your password was changed. Sign in with the new one.');
    },
    formError(),
    passwordField({ label: 'New password', name: 'new_password', autocomplete: 'new-password', minlength: PASSWORD_LENGTH_MIN, hint: PASSWORD_HINT }),
    h('button', { class: 'button wide', type: 'submit', testid: 'submit' }, 'Change password')));
  return { title: 'New password', node };
}

const outdated = () => h('div', { class: 'empty', testid: 'reset-outdated' },
  h('h1', {}, 'This link no longer works'),
  h('p', {}, 'A link to choose a new password can be used once within 30 minutes.'),
  h('a', { class: 'button', href: '/forgot' }, 'Send me a new one'));
