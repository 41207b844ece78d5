// The account: name, address, password, sessions, applications, and deletion.

import { askConfirmation, fill, h, toast } from '../dom.js';
import { field, form, formError, passwordField, PASSWORD_HINT, PASSWORD_LENGTH_MIN } from '../forms.js';
import { call, get, Problem } from '../api.js';
import { addressFields, addressOf, removeAddress, storeAddress, storedAddress } from '../address.js';
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
        name(profile), address(profile), password(profile), devices(), applicationList(applications), deletion()),
    ],
  };
}

const panel = (title, testid, ...children) =>
  h('section', { class: 'panel stack', 'aria-label': title, testid }, h('h2', {}, title), ...children);

function name(profile) {
  return panel('Your name', 'person', form({ class: 'stack', testid: 'person-form' }, async (values) => {
    session.setProfile(await call('PATCH', '/api/v1/users/me', { body: { name: values.name.trim() } }));
    toast('Saved.');
  },
  formError(),
  field({ label: 'Name', name: 'name', autocomplete: 'name', required: true, maxlength: 200, value: profile.name }),
  h('div', {}, h('button', { class: 'button outline', type: 'submit', testid: 'save-person' }, 'Save'))));
}

/** The address, which is stored in this browser only, until the user signs out. */
function address(profile) {
  const remove = h('button', {
    class: 'link small',
    type: 'button',
    testid: 'forget-address',
    hidden: !storedAddress(profile.id),
    onclick: () => { removeAddress(); remove.hidden = true; element.reset(); toast('The address was removed.'); },
  }, 'Remove');
  const element = form({ class: 'stack', testid: 'address-form' }, async (values) => {
    storeAddress(profile.id, addressOf(values));
    remove.hidden = false;
    toast('Saved.');
  },
  formError(),
  addressFields(storedAddress(profile.id) ?? { name: profile.name }),
  h('div', { class: 'row' }, h('button', { class: 'button outline', type: 'submit', testid: 'save-address' }, 'Save'), remove));
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
  formError(),
  h('input', { class: 'visually-hidden', type: 'email', autocomplete: 'username', value: profile.email, readonly: true, tabindex: '-1', 'aria-hidden': 'true', 'aria-label': 'E-mail' }),
  passwordField({ label: 'Current password', name: 'current_password', autocomplete: 'current-password' }),
  passwordField({ label: 'New password', name: 'new_password', autocomplete: 'new-password', minlength: PASSWORD_LENGTH_MIN, hint: PASSWORD_HINT }),
  h('div', {}, h('button', { class: 'button outline', type: 'submit', testid: 'change-password' }, 'Change password'))));
}

function devices() {
  const signOut = async () => { await router.go('/'); await session.end(); toast('You are signed out.'); };
  const signOutEverywhere = async () => {
    try {
      await call('DELETE', '/api/v1/sessions');
    } catch (problem) {
      toast(problem instanceof Problem ? problem.userMessage : 'Something went wrong.');
      return;
    }
    await router.go('/');
    await session.end();
    toast('You are signed out on all devices.');
  };
  return panel('Devices', 'devices',
    h('p', { class: 'muted small' }, 'Signing out everywhere ends the sessions on all your devices within 15 minutes.'),
    h('div', { class: 'row' },
      h('button', { class: 'button outline', type: 'button', testid: 'account-sign-out', onclick: signOut }, 'Sign out in this browser'),
      h('button', { class: 'button outline', type: 'button', testid: 'account-sign-out-everywhere', onclick: signOutEverywhere }, 'Sign out everywhere')));
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

function applicationList(applications) {
  if (applications.length === 0) return null;
  const list = h('ul', { class: 'stack' });
  const render = (items) => fill(list, items.map((it) => h('li', { class: 'row apart' },
    h('div', {}, h('p', {}, it.name ?? it.client_id), h('p', { class: 'muted small' }, it.scopes.join(', '))),
    h('button', { class: 'link small', type: 'button', onclick: () => revoke(it) }, 'Revoke access'))));
  async function revoke(application) {
    try {
      await call('DELETE', `/api/v1/users/me/applications/${encodeURIComponent(application.client_id)}`);
      render(applications = applications.filter((it) => it !== application));
    } catch (problem) {
      toast(problem instanceof Problem ? problem.userMessage : 'Something went wrong.');
    }
  }
  render(applications);
  return panel('Applications with access', 'applications', list);
}

function deletion() {
  return panel('Delete the account', 'deletion',
    h('p', { class: 'muted small' }, 'Your name and your addresses are erased; the delivery address of an order in transit is erased after it has arrived. Orders are kept without them. This can’t be undone.'),
    form({ class: 'stack', testid: 'deletion-form' }, async (values) => {
      const sure = await askConfirmation({ title: 'Delete your account?', text: 'You can no longer sign in or see your orders.', yes: 'Delete permanently', no: 'Keep it' });
      if (!sure) return;
      await call('DELETE', '/api/v1/users/me', { body: { password: values.password }, attempts: 1 }).catch((problem) => {
        throw wrongPassword(problem, '/password');
      });
      await router.go('/');
      await session.end();
      toast('Your account was deleted.');
    },
    formError(),
    passwordField({ label: 'Your password', name: 'password', autocomplete: 'current-password' }),
    h('div', {}, h('button', { class: 'button outline bad', type: 'submit', testid: 'delete-account' }, 'Delete account'))));
}

/** Converts the 403 for a wrong password into an error of its field. */
function wrongPassword(problem, pointer) {
  if (!(problem instanceof Problem) || problem.status !== 403) return problem;
  return new Problem(422, { errors: [{ pointer, detail: 'This is not your password.' }] });
}
