// The cart. It is stored on the server: a user's cart under the account, a guest's cart under a
// random id that this browser stores. The id gives access to that cart only. At sign-in, the server
// merges the guest cart into the user's cart, once.
//
// While the server can't create a guest cart, its lines (SKUs and quantities only) are pending in
// this browser, and are sent as soon as possible.

import { call, get, Problem } from './api.js';
import * as session from './session.js';
import * as tabs from './tabs.js';

const PENDING_LINES = 'tessera.cart';
const GUEST_CART_ID = 'tessera.guest-cart';
const LINE_COUNT_MAX = 50;
/** The maximum quantity of a product that can be selected. */
export const QUANTITY_MAX = 20;

const listeners = new Set();
let itemCount = 0;
let creation = null;
let merging = null;

/** Calls `listener(itemCount)` when the number of items may have changed, until `signal` aborts. */
export function onChange(listener, signal) {
  listeners.add(listener);
  signal?.addEventListener('abort', () => listeners.delete(listener), { once: true });
}
tabs.subscribe('cart', () => refresh());

function notify(count) {
  itemCount = count;
  listeners.forEach((listener) => listener(itemCount));
}

const totalQuantity = (lines) => lines.reduce((n, line) => n + line.quantity, 0);
const guestCartId = () => localStorage.getItem(GUEST_CART_ID);
const guestCartPath = () => `/api/v1/carts/${encodeURIComponent(guestCartId())}`;
const itemPath = (sku) =>
  `${session.isSignedIn() ? '/api/v1/cart' : guestCartPath()}/items/${encodeURIComponent(sku)}`;
const isNotFound = (problem) => problem instanceof Problem && problem.status === 404;

/** The lines that are not sent to the server yet. */
function pendingLines() {
  try {
    const lines = JSON.parse(localStorage.getItem(PENDING_LINES) ?? '[]');
    return Array.isArray(lines) ? lines.filter((l) => typeof l.sku === 'string' && l.quantity > 0) : [];
  } catch {
    return [];
  }
}

function storePendingLines(lines) {
  if (lines.length > 0) localStorage.setItem(PENDING_LINES, JSON.stringify(lines.slice(0, LINE_COUNT_MAX)));
  else localStorage.removeItem(PENDING_LINES);
}

/** The current lines, from the server or from this browser. */
async function currentLines(signal) {
  if (session.isSignedIn()) {
    await mergeGuestCart();
    return (await get('/api/v1/cart', { signal })).items;
  }
  if (!guestCartId()) return pendingLines();
  try {
    return (await get(guestCartPath(), { signal })).items;
  } catch (problem) {
    if (!isNotFound(problem)) throw problem;
    localStorage.removeItem(GUEST_CART_ID);
    return pendingLines();
  }
}

/** Creates the guest cart if there is none; false if the server can't create one now. */
function ensureGuestCart() {
  if (guestCartId()) return true;
  creation ??= createGuestCart().finally(() => { creation = null; });
  return creation;
}

async function createGuestCart() {
  try {
    localStorage.setItem(GUEST_CART_ID, (await call('POST', '/api/v1/carts')).id);
  } catch (problem) {
    if (problem instanceof Problem) return false;
    throw problem;
  }
  await sendPendingLines(pendingLines(), []);
  return true;
}

/** Adds the pending lines to the cart on the server, which already contains `items`. */
async function sendPendingLines(lines, items) {
  try {
    for (const { sku, quantity } of lines) {
      const before = items.find((item) => item.sku === sku)?.quantity ?? 0;
      await sendQuantity(sku, Math.min(before + quantity, QUANTITY_MAX))
        .catch((problem) => { if (problem.isUncertain) throw problem; });
      storePendingLines(pendingLines().filter((line) => line.sku !== sku));
    }
  } catch { /* The remaining lines stay pending. */ }
}

/** The lines with their products: `[{sku, quantity, product}]`; `product` is null if it no longer exists. */
export async function load(signal) {
  const lines = await currentLines(signal);
  notify(totalQuantity(lines));
  return Promise.all(lines.map(async (line) => ({
    sku: line.sku,
    quantity: line.quantity,
    product: await findProduct(line.sku, signal),
  })));
}

async function findProduct(sku, signal) {
  try {
    return await get(`/api/v1/products/${encodeURIComponent(sku)}`, { signal });
  } catch (problem) {
    if (isNotFound(problem)) return null;
    throw problem;
  }
}

/** The maximum quantity of a product in a cart now: the stock, up to QUANTITY_MAX. */
export const quantityLimit = (product) => Math.max(0, Math.min(product.available ?? QUANTITY_MAX, QUANTITY_MAX));

/** Whether a line can't be ordered in its current quantity. */
export const isUnavailable = ({ product, quantity }) => !product || quantity > (product.available ?? quantity);

/**
 * Adds `quantity` items of a product, as far as they are available.
 * @returns {Promise<{before: number, after: number}>} the quantities in the cart.
 */
export async function add(product, quantity) {
  const before = (await currentLines()).find((line) => line.sku === product.sku)?.quantity ?? 0;
  const after = Math.max(before, Math.min(before + quantity, quantityLimit(product)));
  if (after > before) await setQuantity(product.sku, after);
  return { before, after };
}

/** Makes the cart contain at least these lines, as far as they are available. Returns what is
    missing: `[{name, wanted, after}]`. Idempotent. */
export async function ensureLines(items) {
  const lines = await currentLines();
  const missing = [];
  for (const { sku, name, quantity } of items) {
    const before = lines.find((line) => line.sku === sku)?.quantity ?? 0;
    const product = await findProduct(sku);
    const after = product ? Math.max(before, Math.min(quantity, quantityLimit(product))) : before;
    if (after > before) await setQuantity(sku, after);
    if (after < quantity) missing.push({ name, wanted: quantity, after });
  }
  return missing;
}

/** Sets the quantity of a product; 0 removes it. */
export async function setQuantity(sku, quantity) {
  await storeQuantity(sku, quantity);
  tabs.publish('cart');
  await refresh();
}

async function storeQuantity(sku, quantity) {
  if (!session.isSignedIn() && !await ensureGuestCart()) {
    const lines = pendingLines().filter((line) => line.sku !== sku);
    storePendingLines([...lines, { sku, quantity }].filter((line) => line.quantity > 0));
    return;
  }
  try {
    await sendQuantity(sku, quantity);
  } catch (problem) {
    if (session.isSignedIn() || !isNotFound(problem)) throw problem;
    await currentLines(); // Removes the id if the cart does not exist, and not the product.
    if (guestCartId() || !await ensureGuestCart()) throw problem;
    await sendQuantity(sku, quantity);
  }
}

async function sendQuantity(sku, quantity) {
  if (quantity > 0) await call('PUT', itemPath(sku), { body: { quantity } });
  else await call('DELETE', itemPath(sku));
}

/** Counts the items again, for example after a sign-in or sign-out. Never fails, because only the
    count in the header depends on it. */
export async function refresh() {
  try {
    notify(totalQuantity(await currentLines()));
  } catch { notify(itemCount); }
}

/** Merges the guest cart into the cart of the signed-in user. After a failure, it is repeated when
    the cart is loaded the next time, unless the guest cart no longer exists. */
export function mergeGuestCart() {
  merging ??= sendMerge().finally(() => { merging = null; });
  return merging;
}

async function sendMerge() {
  const id = guestCartId();
  if (id) {
    try {
      await call('POST', '/api/v1/cart/merge', { body: { guest_cart_id: id }, repeatable: true });
    } catch (problem) {
      if (!isNotFound(problem)) return;
    }
    if (guestCartId() === id) localStorage.removeItem(GUEST_CART_ID);
    tabs.publish('cart');
  }
  const lines = pendingLines();
  if (lines.length === 0) return;
  await get('/api/v1/cart').then(({ items }) => sendPendingLines(lines, items)).catch(() => { /* They stay pending. */ });
}
