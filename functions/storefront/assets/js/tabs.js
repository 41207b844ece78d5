// Messages between the tabs of this browser. They carry no data: a tab that receives one reads the
// state itself.

const channel = new BroadcastChannel('tessera');
const listeners = new Map();

channel.onmessage = ({ data }) => listeners.get(data)?.forEach((listener) => listener());

/** Notifies all other tabs of this event: `cart` or `signed-out`. */
export const tell = (kind) => channel.postMessage(kind);

/** Calls `listener` when another tab sends this event, until `signal` aborts. */
export function hear(kind, listener, signal) {
  const all = listeners.get(kind) ?? new Set();
  listeners.set(kind, all.add(listener));
  signal?.addEventListener('abort', () => all.delete(listener), { once: true });
}
