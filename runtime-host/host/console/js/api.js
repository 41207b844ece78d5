// The client of the admin API: the token, deadlines, and errors.

import * as token from './token.js';

const DEADLINE_MS = 10_000;
/** What the host does not show without the token, so that it need not be asked. */
const PRIVATE = /^\/(dead-letters|events|logs|revisions|traces)\b/;

const MESSAGES = { 0: 'The host does not respond.', 401: 'This needs the admin token.' };

/** An error response (RFC 9457), or a missing response, for which `status` is 0. */
export class Problem extends Error {
  constructor(status, body = {}) {
    super(body.detail ?? MESSAGES[status] ?? `The host responded with ${status}.`);
    this.status = status;
    this.code = body.code ?? null;
  }
}

/** Reads JSON. A connection that the host has just closed is not an error: it is tried once more. */
export async function get(path, { signal } = {}) {
  try {
    return await send('GET', path, { signal });
  } catch (problem) {
    if (signal?.aborted || problem.status !== 0) throw problem;
    return send('GET', path, { signal });
  }
}

export const post = (path, body) => send('POST', path, { body });
export const remove = (path) => send('DELETE', path);

async function send(method, path, { body, signal } = {}) {
  if (!token.get() && (method !== 'GET' || PRIVATE.test(path))) throw new Problem(401);
  const headers = { Accept: 'application/json' };
  if (token.get()) headers.Authorization = `Bearer ${token.get()}`;
  if (body !== undefined) headers['Content-Type'] = 'application/json';
  const deadline = AbortSignal.timeout(DEADLINE_MS);
  let response;
  let text;
  try {
    response = await fetch(path, {
      method,
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: signal ? AbortSignal.any([signal, deadline]) : deadline,
      credentials: 'omit',
      cache: 'no-store',
    });
    text = await response.text();
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Problem(0);
  }
  let parsed = null;
  try { parsed = text ? JSON.parse(text) : null; } catch { /* A response that is not JSON has no details. */ }
  // A host that is not ready says why, with the status 503.
  if (response.ok || (response.status === 503 && path === '/readyz')) return parsed;
  if (response.status === 401) token.refused();
  throw new Problem(response.status, parsed ?? {});
}

/** A path with parameters; those without a value are left out. */
export function address(path, parameters) {
  const given = Object.entries(parameters).filter(([, value]) => value !== undefined && value !== null && value !== '' && value !== false);
  const query = new URLSearchParams(given);
  return query.size > 0 ? `${path}?${query}` : path;
}
