// Messages between the tabs of this browser. They carry no data: a tab that receives one reads the
// state itself.

const channel = new BroadcastChannel('tessera');
const listeners = new Map();

channel.onmessage = ({ data }) => listeners.get(data)?.forEach((listener) => listener());

/** Sends this event to all other tabs: `cart` or `signed-out`. */
export const publish = (event) => channel.postMessage(event);

/** Calls `listener` when another tab publishes this event, until `signal` aborts. */
export function subscribe(event, listener, signal) {
  const subscribers = listeners.get(event) ?? new Set();
  listeners.set(event, subscribers.add(listener));
  signal?.addEventListener('abort', () => subscribers.delete(listener), { once: true });
}
