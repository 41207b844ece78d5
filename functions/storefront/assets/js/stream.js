// Server-sent events by fetch: EventSource can't send an Authorization header, and a token in
// the URL would end up in logs. This module reads the same format and reconnects in the same way.

import { openStream, pause, Problem } from './api.js';

const RECONNECT_FIRST_MS = 1_000;
const RECONNECT_MAX_MS = 15_000;

/**
 * Follows a stream until `signal` aborts, `onEvent` returns false, or the server responds with 204.
 * @param {string} path
 * @param {{signal: AbortSignal, onEvent: (event: {id: string, type: string, data: string}) => (boolean|void|Promise<boolean|void>), onOpen?: () => void, onLost?: () => void}} options
 */
export async function follow(path, { signal, onEvent, onOpen, onLost }) {
  let lastEventId = '';
  let wait = RECONNECT_FIRST_MS;
  while (!signal.aborted) {
    try {
      const response = await openStream(path, lastEventId, signal);
      if (response.status === 204) return;
      onOpen?.();
      for await (const event of events(response.body)) {
        wait = event.retry ?? RECONNECT_FIRST_MS;
        if (event.id !== undefined) lastEventId = event.id;
        if (event.data !== undefined && await onEvent(event) === false) return;
      }
    } catch (problem) {
      if (signal.aborted) return;
      if (problem instanceof Problem && problem.status >= 400 && problem.status < 500 && problem.status !== 429) throw problem;
    }
    onLost?.();
    await pause(wait * (0.75 + Math.random() / 2), signal).catch(() => {});
    wait = Math.min(wait * 2, RECONNECT_MAX_MS);
  }
}

/** The events of a body, which blank lines separate: `{id?, type, data?, retry?}`. */
export async function* events(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let buffer = '';
  let event = { type: 'message' };
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      buffer += value;
      // A carriage return at the end may be the first half of a line end, so it stays in the buffer.
      const lines = buffer.split(/\r\n|\n|\r(?!$)/);
      buffer = lines.pop();
      for (const line of lines) {
        if (line === '') {
          if (event.data !== undefined || event.id !== undefined || event.retry !== undefined) yield event;
          event = { type: 'message' };
        } else {
          applyField(event, line);
        }
      }
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

function applyField(event, line) {
  if (line.startsWith(':')) return;
  const colon = line.indexOf(':');
  const field = colon < 0 ? line : line.slice(0, colon);
  const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
  if (field === 'data') event.data = event.data === undefined ? value : `${event.data}\n${value}`;
  else if (field === 'event') event.type = value;
  else if (field === 'id' && !value.includes('\0')) event.id = value;
  else if (field === 'retry' && /^\d+$/.test(value)) event.retry = Number(value);
}
