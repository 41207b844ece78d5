// Who is signed in.
//
// The access token lives in a variable of this module and nowhere else: it goes with the page.
// The refresh token is kept in sessionStorage, so that a reload does not sign people out. It
// stays in this tab, ends with it, is used up by each renewal, and its reuse revokes all of its
// descendants. A script that was smuggled into the page could still read it; the policy of this
// site allows no scripts but its own. The module documentation of the component weighs this.

const STORED = 'tessera.refresh';
const RENEW_BEFORE_MS = 30_000;

let access = null; // { token, expiresAt }
let user = null;
let renewal = null;
const listeners = new Set();

/** Calls `listener` whenever somebody signs in or out. */
export function onChange(listener) { listeners.add(listener); }
const changed = () => listeners.forEach((listener) => listener());

/** Whether somebody is signed in, as far as this page knows. */
export const isSignedIn = () => access !== null || sessionStorage.getItem(STORED) !== null;
/** The profile of who is signed in, once it is known. */
export const profile = () => user;

/** The token for the next request, renewed when it is about to end; null for nobody. */
export async function accessToken() {
  if (access && access.expiresAt - Date.now() > RENEW_BEFORE_MS) return access.token;
  if (!sessionStorage.getItem(STORED)) return access?.token ?? null;
  await renew();
  return access?.token ?? null;
}

/** Takes the tokens of a new session and reads the profile that goes with them. */
export async function begin(tokens) {
  keep(tokens);
  await learn();
  changed();
}

/** Trades the refresh token for new ones; false if that is over. Only one renewal runs at once:
    using a refresh token twice would look like theft. */
export function renew() {
  renewal ??= exchange().finally(() => { renewal = null; });
  return renewal;
}

async function exchange() {
  const token = sessionStorage.getItem(STORED);
  if (!token) return false;
  const form = new URLSearchParams({ grant_type: 'refresh_token', refresh_token: token });
  let response;
  try {
    response = await fetch('/oauth2/token', { method: 'POST', body: form, credentials: 'omit', cache: 'no-store' });
  } catch {
    return false; // No connection says nothing about the token: it is kept.
  }
  if (response.ok) {
    keep(await response.json());
    return true;
  }
  if (response.status === 400 || response.status === 401) forget();
  return false;
}

/** Picks the session up after a reload. */
export async function resume() {
  if (sessionStorage.getItem(STORED) && await renew()) await learn();
  changed();
}

/** Ends the session here and at the shop. */
export async function end() {
  const token = sessionStorage.getItem(STORED);
  forget();
  if (!token) return;
  const form = new URLSearchParams({ token, token_type_hint: 'refresh_token' });
  // Signed out is signed out, also when the shop can't be told: the token is gone from here.
  await fetch('/oauth2/revoke', { method: 'POST', body: form, credentials: 'omit', keepalive: true }).catch(() => {});
}

async function learn() {
  const response = await fetch('/api/v1/users/me', {
    headers: { Accept: 'application/json', Authorization: `Bearer ${access.token}` },
    credentials: 'omit',
    cache: 'no-store',
  }).catch(() => null);
  if (response?.ok) user = await response.json();
}

function keep(tokens) {
  access = { token: tokens.access_token, expiresAt: Date.now() + (tokens.expires_in ?? 60) * 1000 };
  if (tokens.refresh_token) sessionStorage.setItem(STORED, tokens.refresh_token);
}

function forget() {
  access = null;
  user = null;
  sessionStorage.removeItem(STORED);
  changed();
}
