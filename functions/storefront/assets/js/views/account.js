// Signing in and registering.

import { h, toast } from '../dom.js';
import { field, form, formFault } from '../forms.js';
import { call, Problem } from '../api.js';
import * as basket from '../basket.js';
import * as router from '../router.js';
import * as session from '../session.js';

const PASSWORD_LENGTH_MIN = 8;

/** Where to go afterwards: a path of this shop and nothing else. */
function destination(query) {
  const then = query.get('then') ?? '/';
  const url = URL.canParse(then, location.origin) ? new URL(then, location.origin) : null;
  return then.startsWith('/') && url?.origin === location.origin ? url.pathname + url.search : '/';
}

const carry = (query) => (query.has('then') ? `?${new URLSearchParams({ then: destination(query) })}` : '');

async function enter(email, password, query) {
  const form = location.pathname;
  const tokens = await call('POST', '/api/v1/sessions', { body: { email, password } });
  await session.begin(tokens);
  await basket.merge();
  await basket.refresh();
  // Whoever has gone on by now is not called back.
  if (location.pathname === form) await router.go(destination(query), { replace: true });
}

const email = () => field({ label: 'E-mail', name: 'email', type: 'email', autocomplete: 'username', inputmode: 'email', required: true, maxlength: 254 });

export function signIn({ query }) {
  if (session.isSignedIn()) return { redirect: destination(query) };
  const node = h('div', { class: 'narrow stack loose' },
    h('div', {}, h('h1', {}, 'Welcome back'), h('p', { class: 'muted' }, 'New here? ', h('a', { href: `/register${carry(query)}`, testid: 'register-link' }, 'Make an account'), '.')),
    form({ class: 'panel stack', testid: 'sign-in-form' }, async (values) => {
      try {
        await enter(values.email.trim(), values.password, query);
      } catch (problem) {
        if (problem instanceof Problem && problem.status === 401) {
          throw new Problem(400, { title: 'Not signed in', detail: 'That e-mail and password do not belong together.' });
        }
        throw problem;
      }
    },
    formFault(),
    email(),
    field({ label: 'Password', name: 'password', type: 'password', autocomplete: 'current-password', required: true }),
    h('button', { class: 'button wide', type: 'submit', testid: 'submit' }, 'Sign in')));
  return { title: 'Sign in', node };
}

async function register(person) {
  try {
    await call('POST', '/api/v1/users', { body: person });
  } catch (problem) {
    if (!(problem instanceof Problem) || problem.status !== 409) throw problem;
    throw new Problem(422, { errors: [{ pointer: '/email', detail: problem.detail || problem.message }] });
  }
}

export function registration({ query }) {
  if (session.isSignedIn()) return { redirect: destination(query) };
  const node = h('div', { class: 'narrow stack loose' },
    h('div', {}, h('h1', {}, 'Make an account'), h('p', { class: 'muted' }, 'You have one? ', h('a', { href: `/sign-in${carry(query)}`, testid: 'sign-in-instead' }, 'Sign in'), '.')),
    form({ class: 'panel stack', testid: 'register-form' }, async (values) => {
      const person = { email: values.email.trim(), password: values.password, name: values.name.trim() };
      await register(person);
      await enter(person.email, person.password, query);
      toast(`Welcome, ${person.name}!`);
    },
    formFault(),
    field({ label: 'Name', name: 'name', autocomplete: 'name', required: true, maxlength: 100 }),
    email(),
    field({ label: 'Password', name: 'password', type: 'password', autocomplete: 'new-password', required: true, minlength: PASSWORD_LENGTH_MIN, hint: `At least ${PASSWORD_LENGTH_MIN} characters. A few words are easier to remember than signs.` }),
    h('button', { class: 'button wide', type: 'submit', testid: 'submit' }, 'Make account')));
  return { title: 'Make an account', node };
}
