// The cart. Everybody's is kept at the shop: that of who is signed in under the account, a
// guest's under an id that this browser remembers. The id says nothing about anybody; whoever
// has it sees that cart and no more. At sign-in the shop puts the one into the other, once.
//
// While the shop can't begin a cart, a guest's stays in this browser (SKUs and quantities only)
// and moves as soon as it can.

import { call, get, Problem } from './api.js';
import * as session from './session.js';
import * as tabs from './tabs.js';

const STORED = 'tessera.cart';
const STORED_ID = 'tessera.guest-cart';
const LINE_COUNT_MAX = 50;
/** Most pieces of one product that this page offers. */
export const QUANTITY_MAX = 20;

const listeners = new Set();
let pieces = 0;
let beginning = null;
let merging = null;

/** Calls `listener(pieces)` whenever the number of pieces may have changed; ends with `signal`. */
export function onChange(listener, signal) {
  listeners.add(listener);
  signal?.addEventListener('abort', () => listeners.delete(listener), { once: true });
}
tabs.hear('cart', () => refresh());

function tell(count) {
  pieces = count;
  listeners.forEach((listener) => listener(pieces));
}

const total = (lines) => lines.reduce((n, line) => n + line.quantity, 0);
const guestId = () => localStorage.getItem(STORED_ID);
const guestPath = () => `/api/v1/carts/${encodeURIComponent(guestId())}`;
const itemPath = (sku) =>
  `${session.isSignedIn() ? '/api/v1/cart' : guestPath()}/items/${encodeURIComponent(sku)}`;
const isGone = (problem) => problem instanceof Problem && problem.status === 404;

/** What waits in this browser because the shop could not take it. */
function waiting() {
  try {
    const lines = JSON.parse(localStorage.getItem(STORED) ?? '[]');
    return Array.isArray(lines) ? lines.filter((l) => typeof l.sku === 'string' && l.quantity > 0) : [];
  } catch {
    return [];
  }
}

function keepWaiting(lines) {
  if (lines.length > 0) localStorage.setItem(STORED, JSON.stringify(lines.slice(0, LINE_COUNT_MAX)));
  else localStorage.removeItem(STORED);
}

/** The lines as they are now, wherever they are. */
async function current(signal) {
  if (session.isSignedIn()) {
    await merge();
    return (await get('/api/v1/cart', { signal })).items;
  }
  if (!guestId()) return waiting();
  try {
    return (await get(guestPath(), { signal })).items;
  } catch (problem) {
    if (!isGone(problem)) throw problem;
    localStorage.removeItem(STORED_ID);
    return waiting();
  }
}

/** Makes sure that a guest has a cart at the shop; false if that is not to be had now. */
function begun() {
  if (guestId()) return true;
  beginning ??= begin().finally(() => { beginning = null; });
  return beginning;
}

async function begin() {
  try {
    localStorage.setItem(STORED_ID, (await call('POST', '/api/v1/carts')).id);
  } catch (problem) {
    if (problem instanceof Problem) return false;
    throw problem;
  }
  await settle(waiting(), []);
  return true;
}

/** Puts what waits in this browser into a cart at the shop that has `items` already. */
async function settle(lines, items) {
  try {
    for (const { sku, quantity } of lines) {
      const before = items.find((item) => item.sku === sku)?.quantity ?? 0;
      await change(sku, Math.min(before + quantity, QUANTITY_MAX))
        .catch((problem) => { if (problem.isUncertain) throw problem; });
      keepWaiting(waiting().filter((line) => line.sku !== sku));
    }
  } catch { /* The rest waits for the next occasion. */ }
}

/** The lines with their products: `[{sku, quantity, product}]`; a product that is gone is null. */
export async function load(signal) {
  const lines = await current(signal);
  tell(total(lines));
  return Promise.all(lines.map(async (line) => ({
    sku: line.sku,
    quantity: line.quantity,
    product: await find(line.sku, signal),
  })));
}

async function find(sku, signal) {
  try {
    return await get(`/api/v1/products/${encodeURIComponent(sku)}`, { signal });
  } catch (problem) {
    if (isGone(problem)) return null;
    throw problem;
  }
}

/** The maximum quantity of a product in a cart now: the stock, up to QUANTITY_MAX. */
export const limit = (product) => Math.max(0, Math.min(product.available ?? QUANTITY_MAX, QUANTITY_MAX));

/** Whether a line of the cart can't be ordered as it is. */
export const isShort = ({ product, quantity }) => !product || quantity > (product.available ?? quantity);

/**
  * Adds `quantity` pieces of a product, as far as they are available.
 * @returns {Promise<{before: number, after: number}>} pieces of it in the cart.
 */
export async function add(product, quantity) {
  const before = (await current()).find((line) => line.sku === product.sku)?.quantity ?? 0;
  const after = Math.max(before, Math.min(before + quantity, limit(product)));
  if (after > before) await set(product.sku, after);
  return { before, after };
}

/** Makes the cart hold at least these lines, as far as they are available. Returns what is missing:
    `[{name, wanted, after}]`. Idempotent. */
export async function ensure(items) {
  const lines = await current();
  const missing = [];
  for (const { sku, name, quantity } of items) {
    const before = lines.find((line) => line.sku === sku)?.quantity ?? 0;
    const product = await find(sku);
    const after = product ? Math.max(before, Math.min(quantity, limit(product))) : before;
    if (after > before) await set(sku, after);
    if (after < quantity) missing.push({ name, wanted: quantity, after });
  }
  return missing;
}

/** Sets the quantity of a product; 0 takes it out. */
export async function set(sku, quantity) {
  await put(sku, quantity);
  tabs.tell('cart');
  await refresh();
}

async function put(sku, quantity) {
  if (!session.isSignedIn() && !await begun()) {
    const lines = waiting().filter((line) => line.sku !== sku);
    keepWaiting([...lines, { sku, quantity }].filter((line) => line.quantity > 0));
    return;
  }
  try {
    await change(sku, quantity);
  } catch (problem) {
    if (session.isSignedIn() || !isGone(problem)) throw problem;
    await current(); // Forgets the cart if that is what is gone, and not the product.
    if (guestId() || !await begun()) throw problem;
    await change(sku, quantity);
  }
}

async function change(sku, quantity) {
  if (quantity > 0) await call('PUT', itemPath(sku), { body: { quantity } });
  else await call('DELETE', itemPath(sku));
}

/** Counts again, after signing in or out. Never fails: it only feeds the number in the corner. */
export async function refresh() {
  try {
    tell(total(await current()));
  } catch { tell(pieces); }
}

/** Moves a guest's cart into that of who has signed in. What can't be moved now (no answer)
    is moved with the next look at the cart; what can never be (gone) is left behind. */
export function merge() {
  merging ??= hand().finally(() => { merging = null; });
  return merging;
}

async function hand() {
  const id = guestId();
  if (id) {
    try {
      await call('POST', '/api/v1/cart/merge', { body: { guest_cart_id: id }, repeatable: true });
    } catch (problem) {
      if (!isGone(problem)) return;
    }
    if (guestId() === id) localStorage.removeItem(STORED_ID);
    tabs.tell('cart');
  }
  const lines = waiting();
  if (lines.length === 0) return;
  await get('/api/v1/cart').then(({ items }) => settle(lines, items)).catch(() => { /* They wait. */ });
}
