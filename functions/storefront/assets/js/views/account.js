// The account: name, address, password, signed-in devices, and deletion.

import { confirmed, fill, h, toast } from '../dom.js';
import { field, form, formFault, passwordField, PASSWORD_HINT, PASSWORD_LENGTH_MIN } from '../forms.js';
import { call, get, Problem } from '../api.js';
import { addressFields, addressOf, forget, remember, remembered } from '../address.js';
import * as router from '../router.js';
import * as session from '../session.js';
import { openSession } from './sign-in.js';

export async function account({ signal }) {
  const [profile, applications] = await Promise.all([get('/api/v1/users/me', { signal }), loadApplications(signal)]);
  return {
    title: 'Your account',
    node: [
      h('div', { class: 'page-head' }, h('h1', {}, 'Your account'), h('p', { class: 'muted', testid: 'account-email' }, profile.email)),
      h('div', { class: 'columns' },
        person(profile), address(profile), password(profile), devices(), allowed(applications), deletion()),
    ],
  };
}

const panel = (title, testid, ...children) =>
  h('section', { class: 'panel stack', 'aria-label': title, testid }, h('h2', {}, title), ...children);

function person(profile) {
  return panel('Your name', 'person', form({ class: 'stack', testid: 'person-form' }, async (values) => {
    session.take(await call('PATCH', '/api/v1/users/me', { body: { name: values.name.trim() } }));
    toast('Saved.');
  },
  formFault(),
  field({ label: 'Name', name: 'name', autocomplete: 'name', required: true, maxlength: 200, value: profile.name }),
  h('div', {}, h('button', { class: 'button outline', type: 'submit', testid: 'save-person' }, 'Save'))));
}

/** The address is kept in this browser only, until its owner signs out. */
function address(profile) {
  const drop = h('button', {
    class: 'link small',
    type: 'button',
    testid: 'forget-address',
    hidden: !remembered(profile.id),
    onclick: () => { forget(); drop.hidden = true; element.reset(); toast('The address was removed.'); },
  }, 'Remove it');
  const element = form({ class: 'stack', testid: 'address-form' }, async (values) => {
    remember(profile.id, addressOf(values));
    drop.hidden = false;
    toast('Saved.');
  },
  formFault(),
  addressFields(remembered(profile.id) ?? { name: profile.name }),
  h('div', { class: 'row' }, h('button', { class: 'button outline', type: 'submit', testid: 'save-address' }, 'Save'), drop));
  return panel('Delivery address', 'address',
    h('p', { class: 'muted small' }, 'Used to fill in the checkout. It is stored in this browser until you sign out. Without it, the address of your last order is used.'),
    element);
}

function password(profile) {
  return panel('Password', 'password', form({ class: 'stack', testid: 'password-form' }, async (values, element) => {
    const { current_password, new_password } = values;
    await call('POST', '/api/v1/users/me/password', { body: { current_password, new_password } }).catch((problem) => {
      throw wrongPassword(problem, '/current_password');
    });
    element.reset();
    // The change has ended all sessions, including this one.
    await openSession(profile.email, new_password);
    toast('Your password was changed. All other devices are signed out.');
  },
  formFault(),
  h('input', { class: 'visually-hidden', type: 'email', autocomplete: 'username', value: profile.email, readonly: true, tabindex: '-1', 'aria-hidden': 'true', 'aria-label': 'E-mail' }),
  passwordField({ label: 'Current password', name: 'current_password', autocomplete: 'current-password' }),
  passwordField({ label: 'New password', name: 'new_password', autocomplete: 'new-password', minlength: PASSWORD_LENGTH_MIN, hint: PASSWORD_HINT }),
  h('div', {}, h('button', { class: 'button outline', type: 'submit', testid: 'change-password' }, 'Change password'))));
}

function devices() {
  const out = async () => { await router.go('/'); await session.end(); toast('You are signed out.'); };
  const everywhere = async () => {
    try {
      await call('DELETE', '/api/v1/sessions');
    } catch (problem) {
      toast(problem instanceof Problem ? problem.words : 'Something went wrong.');
      return;
    }
    await router.go('/');
    await session.end();
    toast('You are signed out on all devices.');
  };
  return panel('Devices', 'devices',
    h('p', { class: 'muted small' }, 'Signing out everywhere ends the sessions on all your devices within 15 minutes.'),
    h('div', { class: 'row' },
      h('button', { class: 'button outline', type: 'button', testid: 'account-sign-out', onclick: out }, 'Sign out in this browser'),
      h('button', { class: 'button outline', type: 'button', testid: 'account-sign-out-everywhere', onclick: everywhere }, 'Sign out everywhere')));
}

/** Authorized third-party applications; empty if the shop has none. */
async function loadApplications(signal) {
  try {
    return (await get('/api/v1/users/me/applications', { signal, attempts: 1 })).items;
  } catch (problem) {
    if (problem instanceof Problem && problem.status !== 401) return [];
    throw problem;
  }
}

function allowed(applications) {
  if (applications.length === 0) return null;
  const list = h('ul', { class: 'stack' });
  const draw = (items) => fill(list, items.map((it) => h('li', { class: 'row apart' },
    h('div', {}, h('p', {}, it.name ?? it.client_id), h('p', { class: 'muted small' }, it.scopes.join(', '))),
    h('button', { class: 'link small', type: 'button', onclick: () => end(it) }, 'Revoke access'))));
  async function end(application) {
    try {
      await call('DELETE', `/api/v1/users/me/applications/${encodeURIComponent(application.client_id)}`);
      draw(applications = applications.filter((it) => it !== application));
    } catch (problem) {
      toast(problem instanceof Problem ? problem.words : 'Something went wrong.');
    }
  }
  draw(applications);
  return panel('Applications with access', 'applications', list);
}

function deletion() {
  return panel('Delete the account', 'deletion',
    h('p', { class: 'muted small' }, 'Your name and your addresses are erased; the delivery address of an order in transit is erased when it has arrived. Orders stay in our books without them. This can’t be undone.'),
    form({ class: 'stack', testid: 'deletion-form' }, async (values) => {
      const sure = await confirmed({ title: 'Delete your account?', text: 'You can no longer sign in or see your orders.', yes: 'Delete permanently', no: 'Keep it' });
      if (!sure) return;
      await call('DELETE', '/api/v1/users/me', { body: { password: values.password }, attempts: 1 }).catch((problem) => {
        throw wrongPassword(problem, '/password');
      });
      await router.go('/');
      await session.end();
      toast('Your account was deleted.');
    },
    formFault(),
    passwordField({ label: 'Your password', name: 'password', autocomplete: 'current-password' }),
    h('div', {}, h('button', { class: 'button outline bad', type: 'submit', testid: 'delete-account' }, 'Delete account'))));
}

/** Reports a wrong password at its field. */
function wrongPassword(problem, pointer) {
  if (!(problem instanceof Problem) || problem.status !== 403) return problem;
  return new Problem(422, { errors: [{ pointer, detail: 'This is not your password.' }] });
}
