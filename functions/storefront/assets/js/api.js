// Talking to the shop's API: tokens, deadlines, repetitions, and errors in human words.

import * as session from './session.js';

const DEADLINE_MS = 20_000;
const CHECKOUT_DEADLINE_MS = 60_000;
const ATTEMPT_COUNT_MAX = 3;
const WAIT_MAX_MS = 4_000;

// The last change of an order that this page has seen, as the shop names it: a read model can be
// asked to know of it.
let position = null;
session.onChange(() => { position = null; });

/** An answer that is not the one hoped for. `status` is 0 when there was no answer at all. */
export class Problem extends Error {
  constructor(status, body = {}, retryAfterS = null) {
    super(body.title ?? `status ${status}`);
    this.status = status;
    this.body = body;
    /** The last part of the problem's type: `price-changed`. */
    this.slug = String(body.type ?? '').split('/').pop();
    this.detail = body.detail ?? '';
    this.faults = Array.isArray(body.errors) ? body.errors : [];
    this.traceId = body.trace_id ?? null;
    this.retryAfterS = retryAfterS;
  }

  /** Whether the request may have been carried out although no good answer came. */
  get isUncertain() { return this.status === 0 || this.status === 408 || this.status >= 500; }

  /** What to tell a person. */
  get words() {
    const wait = this.retryAfterS ? ` Please try again in ${this.retryAfterS} seconds.` : ' Please try again in a moment.';
    switch (this.status) {
      case 0: return 'The shop did not answer. Please check your connection and try again.';
      case 401: return 'Please sign in again.';
      case 403: return 'This account may not do that.';
      case 404: return this.detail || 'That is not here.';
      case 422: return this.faults.length > 0 ? 'Please check the fields below.' : (this.detail || 'Something in the form is not right.');
      case 429: return `That was a bit too fast.${wait}`;
      default:
        if (this.slug === 'guest-carts-full') return this.detail;
        if (this.status >= 500) return `Something went wrong on our side.${wait}`;
        return this.detail || this.message;
    }
  }
}

/**
 * Sends a request and returns the JSON of the answer (null for an empty one).
 * Reading is repeated after a failure that may pass; so is anything with an idempotency key, or
 * that is named repeatable because doing it twice is doing it once.
 * @param {string} method
 * @param {string} path
 * @param {{body?: any, form?: Object, key?: string, repeatable?: boolean, signal?: AbortSignal, deadlineMs?: number,
 *   attempts?: number, current?: boolean, anonymous?: boolean}} [options] `current`: the response
 *   must include the events that this page has seen. `anonymous`: without a token, even if signed in.
 */
export async function call(method, path, options = {}) {
  const repeatable = method !== 'POST' || options.key !== undefined || options.repeatable === true;
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await once(method, path, options);
    } catch (problem) {
      const passing = problem instanceof Problem && [0, 502, 503, 504].includes(problem.status);
      if (!passing || !repeatable || attempt >= (options.attempts ?? ATTEMPT_COUNT_MAX)) throw problem;
      const wait = (problem.retryAfterS ?? 0) * 1000 || 300 * 2 ** attempt;
      await pause(Math.min(wait, WAIT_MAX_MS) * (0.75 + Math.random() / 2), options.signal);
    }
  }
}

export const get = (path, options) => call('GET', path, options);
export const checkout = (body, key) =>
  call('POST', '/api/v1/orders', { body, key, deadlineMs: CHECKOUT_DEADLINE_MS });

async function once(method, path, options) {
  if (options.anonymous) return read(await send(method, path, options, null));
  const wasSignedIn = session.isSignedIn();
  const token = await session.accessToken();
  // A change is only made as the user who requested it. Reads continue: products are public.
  if (wasSignedIn && !token && method !== 'GET') throw new Problem(session.isSignedIn() ? 0 : 401);
  let response = await send(method, path, options, token);
  if (response.status === 401 && session.isSignedIn() && await session.renew()) {
    response = await send(method, path, options, await session.accessToken());
  }
  return read(response);
}

async function send(method, path, { body, form, key, signal, deadlineMs = DEADLINE_MS, accept, current }, token) {
  const headers = { Accept: accept ?? 'application/json' };
  if (token) headers.Authorization = `Bearer ${token}`;
  if (key) headers['Idempotency-Key'] = `"${key}"`;
  if (current && position) headers['X-Projection-Position'] = position;
  if (body !== undefined) headers['Content-Type'] = 'application/json';
  const deadline = AbortSignal.timeout(deadlineMs);
  try {
    return await fetch(path, {
      method,
      headers,
      body: form ? new URLSearchParams(form) : body === undefined ? undefined : JSON.stringify(body),
      signal: signal ? AbortSignal.any([signal, deadline]) : deadline,
      credentials: 'omit',
      cache: 'no-store',
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Problem(0);
  }
}

async function read(response) {
  const text = await response.text().catch(() => '');
  let body = null;
  try { body = text ? JSON.parse(text) : null; } catch { /* An answer that is not JSON has no details. */ }
  if (response.ok) {
    position = response.headers.get('X-Projection-Position') ?? position;
    return body;
  }
  throw new Problem(response.status, body ?? {}, Number.parseInt(response.headers.get('Retry-After'), 10) || null);
}

/** Opens a stream of events with the token of the session; the caller reads the body. */
export async function openStream(path, lastEventId, signal) {
  const open = async () => {
    const token = await session.accessToken();
    const headers = { Accept: 'text/event-stream', ...(token && { Authorization: `Bearer ${token}` }) };
    if (lastEventId) headers['Last-Event-ID'] = lastEventId;
    return fetch(path, { headers, signal, credentials: 'omit', cache: 'no-store' });
  };
  let response = await open();
  if (response.status === 401 && await session.renew()) response = await open();
  if (!response.ok) await read(response);
  return response;
}

/** Waits, unless the signal says that nobody needs it any more. */
export function pause(ms, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal?.addEventListener('abort', () => { clearTimeout(timer); reject(signal.reason); }, { once: true });
  });
}
