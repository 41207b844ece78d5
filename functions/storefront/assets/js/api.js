// The client of the public API: tokens, deadlines, retries, and messages for errors.

import * as session from './session.js';

const DEADLINE_MS = 20_000;
const CHECKOUT_DEADLINE_MS = 60_000;
const ATTEMPT_COUNT_MAX = 3;
const WAIT_MAX_MS = 4_000;

// The position of the latest event of an order that a response to this page included. A request to a
// read model can demand that its response includes this event.
let projectionPosition = null;
session.onChange(() => { projectionPosition = null; });

/** An error response (RFC 9457), or a missing response, for which `status` is 0. */
export class Problem extends Error {
  constructor(status, body = {}, retryAfterS = null) {
    super(body.title ?? `status ${status}`);
    this.status = status;
    this.body = body;
    /** The last part of the problem's type: `price-changed`. */
    this.slug = String(body.type ?? '').split('/').pop();
    this.detail = body.detail ?? '';
    this.errors = Array.isArray(body.errors) ? body.errors : [];
    this.traceId = body.trace_id ?? null;
    this.retryAfterS = retryAfterS;
  }

  /** Whether the request may have had its effect in spite of the error. */
  get isUncertain() { return this.status === 0 || this.status === 408 || this.status >= 500; }

  /** The message for the user. */
  get userMessage() {
    const wait = this.retryAfterS ? ` Please try again in ${this.retryAfterS} seconds.` : ' Please try again in a moment.';
    switch (this.status) {
      case 0: return 'The shop did not respond. Please check your connection and try again.';
      case 401: return 'Please sign in again.';
      case 403: return 'This account does not have permission to do that.';
      case 404: return this.detail || 'This was not found.';
      case 422: return this.errors.length > 0 ? 'Please check the fields below.' : (this.detail || 'The form contains an error.');
      case 429: return `There were too many requests.${wait}`;
      default:
        if (this.slug === 'guest-carts-full') return this.detail;
        if (this.status >= 500) return `Something went wrong on our side.${wait}`;
        return this.detail || this.message;
    }
  }
}

/**
 * Sends a request and returns the JSON of the response (null if it is empty).
 * After a temporary failure, a request is retried if it is idempotent: by its method, by an
 * idempotency key, or because the caller declares it `repeatable`.
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
      return await sendOnce(method, path, options);
    } catch (problem) {
      const isTemporary = problem instanceof Problem && [0, 502, 503, 504].includes(problem.status);
      if (!isTemporary || !repeatable || attempt >= (options.attempts ?? ATTEMPT_COUNT_MAX)) throw problem;
      const wait = (problem.retryAfterS ?? 0) * 1000 || 300 * 2 ** attempt;
      await pause(Math.min(wait, WAIT_MAX_MS) * (0.75 + Math.random() / 2), options.signal);
    }
  }
}

export const get = (path, options) => call('GET', path, options);
export const checkout = (body, key) =>
  call('POST', '/api/v1/orders', { body, key, deadlineMs: CHECKOUT_DEADLINE_MS });

async function sendOnce(method, path, options) {
  if (options.anonymous) return readResponse(await send(method, path, options, null));
  const wasSignedIn = session.isSignedIn();
  const token = await session.accessToken();
  // A change is only made as the user who requested it. Reads continue: products are public.
  if (wasSignedIn && !token && method !== 'GET') throw new Problem(session.isSignedIn() ? 0 : 401);
  let response = await send(method, path, options, token);
  if (response.status === 401 && session.isSignedIn() && await session.renew()) {
    response = await send(method, path, options, await session.accessToken());
  }
  return readResponse(response);
}

async function send(method, path, { body, form, key, signal, deadlineMs = DEADLINE_MS, accept, current }, token) {
  const headers = { Accept: accept ?? 'application/json' };
  if (token) headers.Authorization = `Bearer ${token}`;
  if (key) headers['Idempotency-Key'] = `"${key}"`;
  if (current && projectionPosition) headers['X-Projection-Position'] = projectionPosition;
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

async function readResponse(response) {
  const text = await response.text().catch(() => '');
  let body = null;
  try { body = text ? JSON.parse(text) : null; } catch { /* A response that is not JSON has no details. */ }
  if (response.ok) {
    projectionPosition = response.headers.get('X-Projection-Position') ?? projectionPosition;
    return body;
  }
  throw new Problem(response.status, body ?? {}, Number.parseInt(response.headers.get('Retry-After'), 10) || null);
}

/** Opens an event stream with the access token of the session; the caller reads the body. */
export async function openStream(path, lastEventId, signal) {
  const open = async () => {
    const token = await session.accessToken();
    const headers = { Accept: 'text/event-stream', ...(token && { Authorization: `Bearer ${token}` }) };
    if (lastEventId) headers['Last-Event-ID'] = lastEventId;
    return fetch(path, { headers, signal, credentials: 'omit', cache: 'no-store' });
  };
  let response = await open();
  if (response.status === 401 && await session.renew()) response = await open();
  if (!response.ok) await readResponse(response);
  return response;
}

/** Resolves after this time; rejects when the signal aborts. */
export function pause(ms, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal?.addEventListener('abort', () => { clearTimeout(timer); reject(signal.reason); }, { once: true });
  });
}
