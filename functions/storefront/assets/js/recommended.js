// Recommendations. The shop works without them: if they fail or take too long, they are not shown.

import { h, picture } from './dom.js';
import { money } from './format.js';
import { get, Problem } from './api.js';

const ITEM_COUNT = 4;
const DEADLINE_MS = 800;
/** The maximum number of products of a cart in one request. */
const CART_LINES_MAX = 20;

/** The recommendations at this path; an empty list if they are unavailable. */
export async function recommended(path, signal, parameters = {}) {
  try {
    const page = await get(`${path}?${new URLSearchParams({ limit: ITEM_COUNT, ...parameters })}`, { signal, deadlineMs: DEADLINE_MS, attempts: 1 });
    return Array.isArray(page?.items) ? page.items : [];
  } catch (problem) {
    if (signal.aborted || problem instanceof Problem) return [];
    throw problem;
  }
}

/** What goes with the products of a cart; an empty list for those who do not have this feature. */
export const forCart = (lines, signal) =>
  recommended('/api/v1/recommendations', signal, { cart: lines.slice(0, CART_LINES_MAX).map((line) => line.sku).join(',') });

/** A row of recommendations under a heading, which names the reason of the first one. Those with
    other reasons are omitted, and so is the row if the reason has no heading. */
export function row(items, testid, alsoBought) {
  const reason = items[0]?.reason;
  const title = { also_bought: alsoBought, popular: 'Popular right now' }[reason];
  if (!title) return null;
  return h('section', { class: 'recommended', 'aria-label': title, testid },
    h('h2', {}, title),
    h('ul', { class: 'grid' }, items.filter((item) => item.reason === reason).map(card)));
}

const card = (item) => h('li', { class: 'card', testid: 'recommended-card', 'data-sku': item.sku, 'data-reason': item.reason },
  h('div', { class: 'card-picture' }, picture(item)),
  h('div', { class: 'card-text' },
    h('p', { class: 'category' }, item.category),
    h('h3', {}, h('a', { href: `/products/${encodeURIComponent(item.sku)}` }, item.name))),
  h('p', { class: 'price' }, money(item.price)));
