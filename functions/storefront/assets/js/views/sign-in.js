// Sign-in and registration.

import { h, toast } from '../dom.js';
import { field, form, formError, passwordField, PASSWORD_HINT, PASSWORD_LENGTH_MIN } from '../forms.js';
import { call, Problem } from '../api.js';
import * as cartStore from '../cart-store.js';
import * as router from '../router.js';
import * as session from '../session.js';

/** The path to continue with, which must belong to this shop. */
function destination(query) {
  const then = query.get('then') ?? '/';
  const url = URL.canParse(then, location.origin) ? new URL(then, location.origin) : null;
  const isLocal = then.startsWith('/') && url?.origin === location.origin;
  // A path that begins with two slashes would refer to another host.
  return isLocal && !url.pathname.startsWith('//') ? url.pathname + url.search : '/';
}

const destinationQuery = (query) => (query.has('then') ? `?${new URLSearchParams({ then: destination(query) })}` : '');

/** Signs in and continues, unless the user has left the page. */
async function signInAndContinue(email, password, then) {
  const path = location.pathname;
  await openSession(email, password);
  if (location.pathname === path) await router.go(then, { replace: true });
}

/** Opens a session and merges the guest cart. */
export async function openSession(email, password) {
  await session.start(await call('POST', '/api/v1/sessions', { body: { email, password }, anonymous: true }));
  await cartStore.mergeGuestCart();
  await cartStore.refresh();
}

/** Replaces the 401 of a sign-in, which does not mean that a session has ended. */
const wrongCredentials = () =>
  new Problem(400, { title: 'Not signed in', detail: 'Wrong e-mail address or password.' });

const isUnauthorized = (problem) => problem instanceof Problem && problem.status === 401;

export const emailField = (value) => field({ label: 'E-mail', name: 'email', type: 'email', autocomplete: 'username', inputmode: 'email', required: true, maxlength: 254, value });

export function signIn({ query }) {
  if (session.isSignedIn()) return { redirect: destination(query) };
  const node = h('div', { class: 'narrow stack loose' },
    session.hasExpired() && h('p', { class: 'notice', role: 'status', testid: 'expired' },
      'Your session has ended. Sign in again to continue. What you typed is not lost.'),
    h('div', {}, h('h1', {}, 'Welcome back'), h('p', { class: 'muted' }, 'New here? ', h('a', { href: `/register${destinationQuery(query)}`, testid: 'register-link' }, 'Create an account'), '.')),
    form({ class: 'panel stack', testid: 'sign-in-form' }, async (values) => {
      try {
        await signInAndContinue(values.email.trim(), values.password, destination(query));
      } catch (problem) {
        throw isUnauthorized(problem) ? wrongCredentials() : problem;
      }
    },
    formError(),
    emailField(),
    passwordField({ label: 'Password', name: 'password', autocomplete: 'current-password' }),
    h('button', { class: 'button wide', type: 'submit', testid: 'submit' }, 'Sign in'),
    h('p', { class: 'small' }, h('a', { href: '/forgot', testid: 'forgot-link' }, 'Forgot your password?'))));
  return { title: 'Sign in', node };
}

/** Creates the account and signs in. The server does not reveal whether an address already has an
    account: in that case, the sign-in with this password fails. */
async function register(person, then) {
  await call('POST', '/api/v1/users', { body: person, anonymous: true }).catch((problem) => {
    if (!(problem instanceof Problem) || problem.status !== 409) throw problem;
  });
  try {
    await signInAndContinue(person.email, person.password, then);
  } catch (problem) {
    if (!isUnauthorized(problem)) throw problem;
    throw new Problem(400, {
      title: 'Not registered',
      detail: 'If this address already has an account, we have sent a mail to it. Sign in instead, or reset your password.',
    });
  }
}

export function registration({ query }) {
  if (session.isSignedIn()) return { redirect: destination(query) };
  const node = h('div', { class: 'narrow stack loose' },
    h('div', {}, h('h1', {}, 'Create an account'), h('p', { class: 'muted' }, 'Already have one? ', h('a', { href: `/sign-in${destinationQuery(query)}`, testid: 'sign-in-instead' }, 'Sign in'), '.')),
    form({ class: 'panel stack', testid: 'register-form' }, async (values) => {
      const person = { email: values.email.trim(), password: values.password, name: values.name.trim() };
      await register(person, destination(query));
      toast(`Welcome, ${person.name}!`);
    },
    formError(),
    field({ label: 'Name', name: 'name', autocomplete: 'name', required: true, maxlength: 100 }),
    emailField(),
    passwordField({ label: 'Password', name: 'password', autocomplete: 'new-password', minlength: PASSWORD_LENGTH_MIN, hint: PASSWORD_HINT }),
    h('button', { class: 'button wide', type: 'submit', testid: 'submit' }, 'Create account')));
  return { title: 'Create an account', node };
}
