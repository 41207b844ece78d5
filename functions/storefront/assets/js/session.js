// Who is signed in, the same in all tabs of this browser.
//
// The access token lives in a variable of this module and nowhere else: it goes with the page.
// The refresh token is shared by the tabs (localStorage), because a copy of it in each tab would
// be used twice, which looks like theft and ends the session. Only one tab at a time trades it
// (a Web Lock); the others hear of sign-in and sign-out by the event `storage`. The module
// documentation of the component weighs what that costs.

import * as tabs from './tabs.js';

const STORED = 'tessera.session'; // { family, refresh }; `family` names one sign-in.
const PERSONAL = ['tessera.attempt', 'tessera.address'];
const LOCK = 'tessera.session';
const RENEW_BEFORE_MS = 30_000;
const RENEW_DEADLINE_MS = 4_000;
const RENEW_ATTEMPTS_MAX = 2; // Both within the time in which the shop forgives a repetition.

let access = null; // { token, expiresAt, family }
let user = null;
let renewal = null;
let known = stored()?.family ?? null;
let ended = false;
const listeners = new Set();

/** Calls `listener` whenever somebody signs in or out, here or in another tab; ends with `signal`. */
export function onChange(listener, signal) {
  listeners.add(listener);
  signal?.addEventListener('abort', () => listeners.delete(listener), { once: true });
}
const changed = () => [...listeners].forEach((listener) => listener());

/** Whether somebody is signed in, as far as this browser knows. */
export const isSignedIn = () => stored() !== null;
/** The profile of who is signed in, once it is known. */
export const profile = () => user;
/** Whether the last session of this page ended without anybody signing out. */
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

/** The token for the next request, renewed when it is about to end; null for nobody. */
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

/** Trades the refresh token for new ones; false if that is over. */
export function renew() {
  renewal ??= alone(exchange).finally(() => { renewal = null; });
  return renewal;
}

/** One tab at a time. Where there are no locks (a page that is not served securely), there is
    at least only one renewal at once in this tab. */
const alone = (work) => (navigator.locks ? navigator.locks.request(LOCK, work) : work());

async function exchange() {
  const session = stored(); // Read under the lock: another tab may have renewed just now.
  if (!session) return false;
  const response = await trade(session.refresh);
  if (!response) return false; // No answer says nothing about the token: it is kept.
  if (response.ok) {
    // Whoever signed out or in while this was on its way has the last word.
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

/** Picks the session up: after a reload, in a new tab, in a copy of a tab. */
export async function resume() {
  if (isSignedIn() && await renew()) await learn();
  changed();
}

/** Ends the session here, in the other tabs and at the shop. */
export async function end() {
  const session = stored();
  forgetPersonal();
  tabs.tell('signed-out');
  ended = false;
  forget();
  if (!session) return;
  const form = new URLSearchParams({ token: session.refresh, token_type_hint: 'refresh_token' });
  // Signed out is signed out, also when the shop can't be told: the token is gone from here.
  await fetch('/oauth2/revoke', { method: 'POST', body: form, credentials: 'omit', keepalive: true }).catch(() => {});
}

/** The profile, asked for anew if it is not known; null if it can't be had. */
export async function learned() {
  if (!user && isSignedIn()) await learn();
  return user;
}

/** Takes a profile that the shop has just answered. */
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

/** What people have typed here goes with them. */
function forgetPersonal() {
  PERSONAL.forEach((name) => { sessionStorage.removeItem(name); localStorage.removeItem(name); });
}
tabs.hear('signed-out', forgetPersonal);

// Another tab signed in, out, or in as somebody else. A renewal there changes nothing here.
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
