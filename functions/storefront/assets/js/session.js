// The session, shared by all tabs of this browser.
//
// The access token is only in a variable of this module, and is lost with the page.
// The refresh token is shared by the tabs (localStorage), because a copy of it in each tab would
// be used twice, which looks like theft and ends the session. Only one tab at a time exchanges it
// (a Web Lock); the others learn about sign-in and sign-out from the event `storage`. The module
// documentation of the component discusses the security of this.

import * as tabs from './tabs.js';

const STORED = 'tessera.session'; // { family, refresh }; `family` names one sign-in.
const PERSONAL = ['tessera.attempt', 'tessera.address'];
const LOCK = 'tessera.session';
const RENEW_BEFORE_MS = 30_000;
const RENEW_DEADLINE_MS = 4_000;
const RENEW_ATTEMPTS_MAX = 2; // Both within the grace period for repeated refresh tokens.

let access = null; // { token, expiresAt, family }
let user = null;
let renewal = null;
let known = stored()?.family ?? null;
let ended = false;
const listeners = new Set();

/** Calls `listener` at every sign-in and sign-out, here or in another tab, until `signal` aborts. */
export function onChange(listener, signal) {
  listeners.add(listener);
  signal?.addEventListener('abort', () => listeners.delete(listener), { once: true });
}
const changed = () => [...listeners].forEach((listener) => listener());

/** Whether a user is signed in, as far as this browser knows. */
export const isSignedIn = () => stored() !== null;
/** The profile of the signed-in user, once it is known. */
export const profile = () => user;
/** Whether the last session of this page ended without a sign-out. */
export const hasExpired = () => ended && !isSignedIn();

function stored() {
  try {
    const session = JSON.parse(localStorage.getItem(STORED));
    return typeof session?.refresh === 'string' ? session : null;
  } catch {
    return null;
  }
}

/** A random name: like crypto.randomUUID, which only exists on https and localhost. */
export function randomId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** The token for the next request, renewed when it is about to expire; null if no user is signed in. */
export async function accessToken() {
  const session = stored();
  if (!session) return null;
  const usable = access?.family === session.family ? access : null;
  if (usable && usable.expiresAt - Date.now() > RENEW_BEFORE_MS) return usable.token;
  await renew();
  return access?.family === stored()?.family ? access?.token ?? null : null;
}

/** Takes the tokens of a new session and reads the profile that goes with them. */
export async function begin(tokens) {
  const family = randomId();
  ended = false;
  keep(tokens, family);
  known = family;
  await learn();
  changed();
}

/** Exchanges the refresh token for new tokens; false if the session has ended. */
export function renew() {
  renewal ??= alone(exchange).finally(() => { renewal = null; });
  return renewal;
}

/** Runs in one tab at a time. Without Web Locks (in insecure contexts), there is still only one
    renewal at a time in this tab. */
const alone = (work) => (navigator.locks ? navigator.locks.request(LOCK, work) : work());

async function exchange() {
  const session = stored(); // Read under the lock: another tab may have renewed just now.
  if (!session) return false;
  const response = await trade(session.refresh);
  if (!response) return false; // Without a response, the state of the token is unknown: keep it.
  if (response.ok) {
    // A sign-in or sign-out in the meantime takes precedence.
    if (stored()?.family !== session.family) return false;
    keep(await response.json(), session.family);
    return true;
  }
  if ((response.status === 400 || response.status === 401) && stored()?.family === session.family) {
    ended = true;
    forget();
  }
  return false;
}

async function trade(token) {
  const form = new URLSearchParams({ grant_type: 'refresh_token', refresh_token: token });
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await fetch('/oauth2/token', {
        method: 'POST', body: form, credentials: 'omit', cache: 'no-store', signal: AbortSignal.timeout(RENEW_DEADLINE_MS),
      });
    } catch {
      if (attempt >= RENEW_ATTEMPTS_MAX) return null;
    }
  }
}

/** Resumes the session after a reload, in a new tab, or in a duplicated tab. */
export async function resume() {
  if (isSignedIn() && await renew()) await learn();
  changed();
}

/** Ends the session here, in the other tabs and on the server. */
export async function end() {
  const session = stored();
  forgetPersonal();
  tabs.tell('signed-out');
  ended = false;
  forget();
  if (!session) return;
  const form = new URLSearchParams({ token: session.refresh, token_type_hint: 'refresh_token' });
  // The sign-out succeeds even if the server can't be reached: the token was removed here.
  await fetch('/oauth2/revoke', { method: 'POST', body: form, credentials: 'omit', keepalive: true }).catch(() => {});
}

/** The profile, requested again if it is unknown; null if it is unavailable. */
export async function learned() {
  if (!user && isSignedIn()) await learn();
  return user;
}

/** Stores a profile that the server has just returned. */
export function take(changedProfile) {
  user = changedProfile;
  changed();
}

async function learn() {
  const token = await accessToken();
  if (!token) return;
  const family = stored()?.family;
  const response = await fetch('/api/v1/users/me', {
    headers: { Accept: 'application/json', Authorization: `Bearer ${token}` },
    credentials: 'omit',
    cache: 'no-store',
  }).catch(() => null);
  const answer = response?.ok ? await response.json().catch(() => null) : null;
  if (answer && stored()?.family === family) user = answer;
}

function keep(tokens, family) {
  access = { token: tokens.access_token, expiresAt: Date.now() + (tokens.expires_in ?? 60) * 1000, family };
  const refresh = tokens.refresh_token ?? stored()?.refresh;
  if (refresh) localStorage.setItem(STORED, JSON.stringify({ family, refresh }));
}

function forget() {
  access = null;
  user = null;
  known = null;
  localStorage.removeItem(STORED);
  changed();
}

/** Removes what the user has typed here. */
function forgetPersonal() {
  PERSONAL.forEach((name) => { sessionStorage.removeItem(name); localStorage.removeItem(name); });
}
tabs.hear('signed-out', forgetPersonal);

// Another tab signed in, out, or in as another user. A renewal there changes nothing here.
addEventListener('storage', (event) => {
  if (event.key !== STORED && event.key !== null) return;
  const family = stored()?.family ?? null;
  if (family === known) return;
  known = family;
  access = null;
  user = null;
  if (family) {
    ended = false;
    learn().then(changed);
  } else {
    changed();
  }
});
