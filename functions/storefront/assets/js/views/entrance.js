// Signing in and registering.

import { h, toast } from '../dom.js';
import { field, form, formFault, passwordField, PASSWORD_HINT, PASSWORD_LENGTH_MIN } from '../forms.js';
import { call, Problem } from '../api.js';
import * as basket from '../basket.js';
import * as router from '../router.js';
import * as session from '../session.js';

/** Where to go afterwards: an address of this shop and nothing else. */
function destination(query) {
  const then = query.get('then') ?? '/';
  const url = URL.canParse(then, location.origin) ? new URL(then, location.origin) : null;
  return then.startsWith('/') && url?.origin === location.origin ? url.pathname + url.search : '/';
}

const carry = (query) => (query.has('then') ? `?${new URLSearchParams({ then: destination(query) })}` : '');

/** Signs in and goes on, unless whoever did it has gone on by now. */
export async function enter(email, password, then) {
  const form = location.pathname;
  await openSession(email, password);
  if (location.pathname === form) await router.go(then, { replace: true });
}

/** Opens a session and takes what was in the cart along. */
export async function openSession(email, password) {
  await session.begin(await call('POST', '/api/v1/sessions', { body: { email, password }, anonymous: true }));
  await basket.merge();
  await basket.refresh();
}

/** In place of the 401 of a sign-in: it says nothing about a session. */
export const wrongCredentials = () =>
  new Problem(400, { title: 'Not signed in', detail: 'That e-mail and password do not belong together.' });

const isWrong = (problem) => problem instanceof Problem && problem.status === 401;

export const emailField = (value) => field({ label: 'E-mail', name: 'email', type: 'email', autocomplete: 'username', inputmode: 'email', required: true, maxlength: 254, value });

export function signIn({ query }) {
  if (session.isSignedIn()) return { redirect: destination(query) };
  const node = h('div', { class: 'narrow stack loose' },
    session.hasExpired() && h('p', { class: 'notice', role: 'status', testid: 'expired' },
      'Your session has ended. Sign in again and go on where you were: nothing that you typed is lost.'),
    h('div', {}, h('h1', {}, 'Welcome back'), h('p', { class: 'muted' }, 'New here? ', h('a', { href: `/register${carry(query)}`, testid: 'register-link' }, 'Make an account'), '.')),
    form({ class: 'panel stack', testid: 'sign-in-form' }, async (values) => {
      try {
        await enter(values.email.trim(), values.password, destination(query));
      } catch (problem) {
        throw isWrong(problem) ? wrongCredentials() : problem;
      }
    },
    formFault(),
    emailField(),
    passwordField({ label: 'Password', name: 'password', autocomplete: 'current-password' }),
    h('button', { class: 'button wide', type: 'submit', testid: 'submit' }, 'Sign in'),
    h('p', { class: 'small' }, h('a', { href: '/forgot', testid: 'forgot-link' }, 'I have forgotten my password'))));
  return { title: 'Sign in', node };
}

/** Opens the account and signs in. The shop does not say whether an address has an account
    already: then the sign-in with this password is what fails. */
async function register(person, then) {
  await call('POST', '/api/v1/users', { body: person, anonymous: true }).catch((problem) => {
    if (!(problem instanceof Problem) || problem.status !== 409) throw problem;
  });
  try {
    await enter(person.email, person.password, then);
  } catch (problem) {
    if (!isWrong(problem)) throw problem;
    throw new Problem(400, {
      title: 'Not registered',
      detail: 'If this address already has an account, we have written to it. Sign in instead, or reset your password.',
    });
  }
}

export function registration({ query }) {
  if (session.isSignedIn()) return { redirect: destination(query) };
  const node = h('div', { class: 'narrow stack loose' },
    h('div', {}, h('h1', {}, 'Make an account'), h('p', { class: 'muted' }, 'You have one? ', h('a', { href: `/sign-in${carry(query)}`, testid: 'sign-in-instead' }, 'Sign in'), '.')),
    form({ class: 'panel stack', testid: 'register-form' }, async (values) => {
      const person = { email: values.email.trim(), password: values.password, name: values.name.trim() };
      await register(person, destination(query));
      toast(`Welcome, ${person.name}!`);
    },
    formFault(),
    field({ label: 'Name', name: 'name', autocomplete: 'name', required: true, maxlength: 100 }),
    emailField(),
    passwordField({ label: 'Password', name: 'password', autocomplete: 'new-password', minlength: PASSWORD_LENGTH_MIN, hint: PASSWORD_HINT }),
    h('button', { class: 'button wide', type: 'submit', testid: 'submit' }, 'Make account')));
  return { title: 'Make an account', node };
}
