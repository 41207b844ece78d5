// My orders, newest first, from the read model: it can be searched. Should it be behind or down,
// the orders themselves are shown, which can't.

import { announce, empty, h, toast } from '../dom.js';
import { count, date, money, orderState, shortId } from '../format.js';
import { get, Problem } from '../api.js';
import { field, form } from '../forms.js';
import * as router from '../router.js';

const SEARCHABLE = '/api/v1/order-history';
const PLAIN = '/api/v1/orders';
const STATES = ['pending', 'confirmed', 'shipped', 'delivered', 'returned', 'cancelled', 'rejected'];

export async function orders({ query, signal }) {
  const wanted = { q: query.get('find')?.trim() ?? '', status: query.get('status') ?? '' };
  const { page, source } = await first(wanted, signal);
  const searching = Boolean(wanted.q || wanted.status);
  if (page.items.length === 0 && !page.next_cursor && !searching) {
    return { title: 'Your orders', node: empty('No orders yet', 'When you have ordered something, you can follow it here.', h('a', { class: 'button', href: '/' }, 'Look around')) };
  }
  const list = h('ul', { class: 'orders', testid: 'orders' }, page.items.map(row));
  const none = h('p', { class: 'muted', testid: 'orders-none', hidden: page.items.length > 0 }, 'Nothing found so far. ', h('a', { href: '/orders' }, 'Show all orders'));
  let cursor = page.next_cursor;
  const more = h('button', { class: 'button outline', type: 'button', testid: 'more', hidden: !cursor, onclick: fetchMore }, 'Show older orders');
  async function fetchMore() {
    if (more.getAttribute('aria-busy') === 'true') return;
    more.setAttribute('aria-busy', 'true');
    try {
      const next = await get(`${source}?${parameters(source, wanted, cursor)}`, { signal });
      list.append(...next.items.map(row));
      none.hidden = list.children.length > 0;
      cursor = next.next_cursor;
      more.hidden = !cursor;
      announce(`${count(next.items.length, 'more order', 'more orders')}.`);
    } catch (problem) {
      if (!signal.aborted) toast(problem instanceof Problem ? problem.words : 'Something went wrong.');
    } finally {
      more.removeAttribute('aria-busy');
    }
  }
  return {
    title: 'Your orders',
    node: [
      h('div', { class: 'page-head' }, h('h1', {}, 'Your orders')),
      source === SEARCHABLE && search(wanted),
      list, none, h('div', { class: 'more' }, more),
    ],
  };
}

/** The first page, and where it is from. */
async function first(wanted, signal) {
  try {
    // What was changed a moment ago on another page is waited for, up to the shop's own bound.
    const page = await get(`${SEARCHABLE}?${parameters(SEARCHABLE, wanted)}`, { signal, current: true, attempts: 1 });
    return { page, source: SEARCHABLE };
  } catch (problem) {
    if (!(problem instanceof Problem) || !problem.isUncertain) throw problem;
    return { page: await get(PLAIN, { signal }), source: PLAIN };
  }
}

function parameters(source, { q, status }, cursor) {
  const query = new URLSearchParams();
  if (q && source === SEARCHABLE) query.set('q', q);
  if (status && source === SEARCHABLE) query.set('status', status);
  if (cursor) query.set('cursor', cursor);
  return query;
}

function search({ q, status }) {
  const states = [['', 'All'], ...STATES.map((state) => [state, orderState(state).word])];
  return form({ class: 'order-search', testid: 'order-search' }, (values) => {
    const query = new URLSearchParams();
    if (values.find.trim()) query.set('find', values.find.trim());
    if (values.state) query.set('status', values.state);
    return router.go(query.size > 0 ? `/orders?${query}` : '/orders');
  },
  field({ label: 'Product', name: 'find', type: 'search', maxlength: 100, value: q }),
  field({ label: 'Status', name: 'state', options: states, value: status }),
  h('button', { class: 'button outline', type: 'submit', testid: 'order-search-button' }, 'Find'));
}

function row(order) {
  const { word, tone } = orderState(order.status);
  const items = order.items ?? [];
  const pieces = items.reduce((n, item) => n + item.quantity, 0);
  return h('li', { class: 'order-row', testid: 'order-row', 'data-id': order.id },
    h('div', {},
      h('a', { href: `/orders/${encodeURIComponent(order.id)}` }, `Order ${shortId(order.id)}`),
      h('p', { class: 'muted small' }, [date(order.created_at), pieces > 0 && count(pieces, 'item')].filter(Boolean).join(' · ')),
      h('p', { class: 'small clipped' }, items.map(({ name }) => name).join(', '))),
    h('span', { class: 'badge', 'data-tone': tone }, word),
    h('p', { class: 'price' }, money(order.total)));
}
