// What the tabs of this browser tell each other. Messages carry no data: whoever hears one looks
// for itself.

const channel = new BroadcastChannel('tessera');
const listeners = new Map();

channel.onmessage = ({ data }) => listeners.get(data)?.forEach((listener) => listener());

/** Tells all other tabs that this happened: `cart` or `signed-out`. */
export const tell = (kind) => channel.postMessage(kind);

/** Calls `listener` when another tab tells that this happened; ends with `signal`. */
export function hear(kind, listener, signal) {
  const all = listeners.get(kind) ?? new Set();
  listeners.set(kind, all.add(listener));
  signal?.addEventListener('abort', () => all.delete(listener), { once: true });
}
