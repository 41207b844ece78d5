// The session, shared by all tabs of this browser.
//
// The access token is only in a variable of this module, and is lost with the page.
// The refresh token is shared by the tabs (localStorage), because a copy of it in each tab would
// be used twice, which counts as theft and ends the session. Only one tab at a time exchanges it
// (a Web Lock). The `storage` event notifies the others of a sign-in or sign-out. The documentation
// of the component (src/lib.rs) discusses the security of this.

import * as tabs from './tabs.js';

const STORAGE_KEY = 'tessera.session'; // { family, refresh }; `family` identifies one sign-in.
const PERSONAL_KEYS = ['tessera.attempt', 'tessera.address'];
const LOCK_NAME = 'tessera.session';
const RENEW_BEFORE_MS = 30_000;
const RENEW_DEADLINE_MS = 4_000;
const RENEW_ATTEMPTS_MAX = 2; // Both within the grace period for repeated refresh tokens.

let access = null; // { token, expiresAt, family }
let user = null;
let renewal = null;
let currentFamily = storedSession()?.family ?? null;
let expired = false;
const listeners = new Set();

/** Calls `listener` at each sign-in and sign-out, here or in another tab, until `signal` aborts. */
export function onChange(listener, signal) {
  listeners.add(listener);
  signal?.addEventListener('abort', () => listeners.delete(listener), { once: true });
}
const notify = () => [...listeners].forEach((listener) => listener());

/** Whether a user is signed in, as far as this browser knows. */
export const isSignedIn = () => storedSession() !== null;
/** The profile of the signed-in user; null until it is loaded. */
export const profile = () => user;
/** Whether the last session of this page ended without a sign-out. */
export const hasExpired = () => expired && !isSignedIn();

function storedSession() {
  try {
    const session = JSON.parse(localStorage.getItem(STORAGE_KEY));
    return typeof session?.refresh === 'string' ? session : null;
  } catch {
    return null;
  }
}

/** A random id. (crypto.randomUUID is only available in secure contexts.) */
export function randomId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** The token for the next request, renewed when it is about to expire; null if no user is signed in. */
export async function accessToken() {
  const session = storedSession();
  if (!session) return null;
  const usable = access?.family === session.family ? access : null;
  if (usable && usable.expiresAt - Date.now() > RENEW_BEFORE_MS) return usable.token;
  await renew();
  return access?.family === storedSession()?.family ? access?.token ?? null : null;
}

/** Starts a session with these tokens, and loads the profile of its user. */
export async function start(tokens) {
  const family = randomId();
  expired = false;
  storeTokens(tokens, family);
  currentFamily = family;
  await fetchProfile();
  notify();
}

/** Exchanges the refresh token for new tokens; false if that was not possible. */
export function renew() {
  renewal ??= withLock(exchange).finally(() => { renewal = null; });
  return renewal;
}

/** Runs in one tab at a time. Without Web Locks (in insecure contexts), there is still only one
    renewal at a time in this tab. */
const withLock = (action) => (navigator.locks ? navigator.locks.request(LOCK_NAME, action) : action());

async function exchange() {
  const session = storedSession(); // Read under the lock: another tab may have just renewed it.
  if (!session) return false;
  const response = await requestTokens(session.refresh);
  if (!response) return false; // Without a response, the token may still be valid, so it is kept.
  if (response.ok) {
    // A sign-in or sign-out in the meantime takes precedence.
    if (storedSession()?.family !== session.family) return false;
    storeTokens(await response.json(), session.family);
    return true;
  }
  if ((response.status === 400 || response.status === 401) && storedSession()?.family === session.family) {
    expired = true;
    clear();
  }
  return false;
}

async function requestTokens(refreshToken) {
  const form = new URLSearchParams({ grant_type: 'refresh_token', refresh_token: refreshToken });
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
  if (isSignedIn() && await renew()) await fetchProfile();
  notify();
}

/** Ends the session here, in the other tabs and on the server. */
export async function end() {
  const session = storedSession();
  removePersonalData();
  tabs.publish('signed-out');
  expired = false;
  clear();
  if (!session) return;
  const form = new URLSearchParams({ token: session.refresh, token_type_hint: 'refresh_token' });
  // The sign-out succeeds even if the server can't be reached: the token was removed here.
  await fetch('/oauth2/revoke', { method: 'POST', body: form, credentials: 'omit', keepalive: true }).catch(() => {});
}

/** The profile, loaded if necessary; null if it is unavailable. */
export async function loadProfile() {
  if (!user && isSignedIn()) await fetchProfile();
  return user;
}

/** Sets the profile to one that the server has just returned. */
export function setProfile(changedProfile) {
  user = changedProfile;
  notify();
}

async function fetchProfile() {
  const token = await accessToken();
  if (!token) return;
  const family = storedSession()?.family;
  const response = await fetch('/api/v1/users/me', {
    headers: { Accept: 'application/json', Authorization: `Bearer ${token}` },
    credentials: 'omit',
    cache: 'no-store',
  }).catch(() => null);
  const fetched = response?.ok ? await response.json().catch(() => null) : null;
  if (fetched && storedSession()?.family === family) user = fetched;
}

function storeTokens(tokens, family) {
  access = { token: tokens.access_token, expiresAt: Date.now() + (tokens.expires_in ?? 60) * 1000, family };
  const refresh = tokens.refresh_token ?? storedSession()?.refresh;
  if (refresh) localStorage.setItem(STORAGE_KEY, JSON.stringify({ family, refresh }));
}

function clear() {
  access = null;
  user = null;
  currentFamily = null;
  localStorage.removeItem(STORAGE_KEY);
  notify();
}

/** Removes the stored forms of the user. */
function removePersonalData() {
  PERSONAL_KEYS.forEach((key) => { sessionStorage.removeItem(key); localStorage.removeItem(key); });
}
tabs.subscribe('signed-out', removePersonalData);

// Another tab has signed in or out, or signed in as another user. Renewals by other tabs are ignored.
addEventListener('storage', (event) => {
  if (event.key !== STORAGE_KEY && event.key !== null) return;
  const family = storedSession()?.family ?? null;
  if (family === currentFamily) return;
  currentFamily = family;
  access = null;
  user = null;
  if (family) {
    expired = false;
    fetchProfile().then(notify);
  } else {
    notify();
  }
});
