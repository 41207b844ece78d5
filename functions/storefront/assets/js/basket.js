// The cart: at the shop for who is signed in, in this browser for a guest. A guest's cart moves
// to the shop at sign-in. In the browser there are only SKUs and quantities.

import { call, get, Problem } from './api.js';
import * as session from './session.js';

const STORED = 'tessera.cart';
const LINE_COUNT_MAX = 50;
/** Most pieces of one product that this page offers. */
export const QUANTITY_MAX = 20;

const listeners = new Set();
let pieces = 0;

/** Calls `listener(pieces)` whenever the number of pieces may have changed. */
export function onChange(listener) { listeners.add(listener); }

function tell(count) {
  pieces = count;
  listeners.forEach((listener) => listener(pieces));
}

const itemPath = (sku) => `/api/v1/cart/items/${encodeURIComponent(sku)}`;

function guest() {
  try {
    const lines = JSON.parse(localStorage.getItem(STORED) ?? '[]');
    return Array.isArray(lines) ? lines.filter((l) => typeof l.sku === 'string' && l.quantity > 0) : [];
  } catch {
    return [];
  }
}

function keepGuest(lines) {
  if (lines.length > 0) localStorage.setItem(STORED, JSON.stringify(lines.slice(0, LINE_COUNT_MAX)));
  else localStorage.removeItem(STORED);
}

/** The lines with their products: `[{sku, quantity, product}]`; a product that is gone is null. */
export async function load(signal) {
  const lines = session.isSignedIn() ? (await get('/api/v1/cart', { signal })).items : guest();
  tell(lines.reduce((n, line) => n + line.quantity, 0));
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
    if (problem instanceof Problem && problem.status === 404) return null;
    throw problem;
  }
}

/** Puts `quantity` more of a product in; says how many there are now. */
export async function add(sku, quantity) {
  const lines = session.isSignedIn() ? (await get('/api/v1/cart')).items : guest();
  const before = lines.find((line) => line.sku === sku)?.quantity ?? 0;
  const after = Math.min(before + quantity, QUANTITY_MAX);
  await set(sku, after);
  tell(lines.reduce((n, line) => n + line.quantity, 0) - before + after);
  return after;
}

/** Sets the quantity of a product; 0 takes it out. */
export async function set(sku, quantity) {
  if (session.isSignedIn()) {
    if (quantity > 0) await call('PUT', itemPath(sku), { body: { quantity } });
    else await call('DELETE', itemPath(sku));
    return;
  }
  const lines = guest();
  const line = lines.find((l) => l.sku === sku);
  if (line) line.quantity = quantity;
  else lines.push({ sku, quantity });
  keepGuest(lines.filter((l) => l.quantity > 0));
}

/** Counts again, after signing in or out. Never fails: it only feeds the number in the corner. */
export async function refresh() {
  try {
    const lines = session.isSignedIn() ? (await get('/api/v1/cart')).items : guest();
    tell(lines.reduce((n, line) => n + line.quantity, 0));
  } catch { tell(pieces); }
}

/** Moves a guest's cart to the shop. What can't be moved (sold out, gone) is left behind. */
export async function merge() {
  const lines = guest();
  if (lines.length === 0) return;
  for (const { sku, quantity } of lines) {
    try { await add(sku, quantity); } catch (problem) { if (problem.isUncertain) return; }
  }
  keepGuest([]);
}
