// The orders of the user, newest first, from the read model, which supports search. If it is behind
// or unavailable, the orders are loaded from the service `orders`, without search.

import { announce, empty, h, toast } from '../dom.js';
import { count, date, money, orderState, shortId } from '../format.js';
import { get, Problem } from '../api.js';
import { field, form } from '../forms.js';
import * as router from '../router.js';

const READ_MODEL = '/api/v1/order-history';
const ORDERS = '/api/v1/orders';
const STATES = ['pending', 'confirmed', 'shipped', 'delivered', 'returned', 'cancelled', 'rejected'];

export async function orders({ query, signal }) {
  const wanted = { q: query.get('find')?.trim() ?? '', status: query.get('status') ?? '' };
  const { page, source } = await firstPage(wanted, signal);
  const searching = Boolean(wanted.q || wanted.status);
  if (page.items.length === 0 && !page.next_cursor && !searching) {
    return { title: 'Your orders', node: empty('No orders yet', 'When you have ordered something, you can follow it here.', h('a', { class: 'button', href: '/' }, 'Go to the shop')) };
  }
  const list = h('ul', { class: 'orders', testid: 'orders' }, page.items.map(row));
  const none = h('p', { class: 'muted', testid: 'orders-none', hidden: page.items.length > 0 }, 'No orders found. ', h('a', { href: '/orders' }, 'Show all orders'));
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
      if (!signal.aborted) toast(problem instanceof Problem ? problem.userMessage : 'Something went wrong.');
    } finally {
      more.removeAttribute('aria-busy');
    }
  }
  return {
    title: 'Your orders',
    node: [
      h('div', { class: 'page-head' }, h('h1', {}, 'Your orders')),
      source === READ_MODEL && search(wanted),
      list, none, h('div', { class: 'more' }, more),
    ],
  };
}

/** The first page, and the path of its source. */
async function firstPage(wanted, signal) {
  try {
    // The server waits, within its limits, for the events that this browser has seen.
    const page = await get(`${READ_MODEL}?${parameters(READ_MODEL, wanted)}`, { signal, current: true, attempts: 1 });
    return { page, source: READ_MODEL };
  } catch (problem) {
    if (!(problem instanceof Problem) || !problem.isUncertain) throw problem;
    return { page: await get(ORDERS, { signal }), source: ORDERS };
  }
}

function parameters(source, { q, status }, cursor) {
  const query = new URLSearchParams();
  if (q && source === READ_MODEL) query.set('q', q);
  if (status && source === READ_MODEL) query.set('status', status);
  if (cursor) query.set('cursor', cursor);
  return query;
}

function search({ q, status }) {
  const states = [['', 'All'], ...STATES.map((state) => [state, orderState(state).label])];
  return form({ class: 'order-search', testid: 'order-search' }, (values) => {
    const query = new URLSearchParams();
    if (values.find.trim()) query.set('find', values.find.trim());
    if (values.state) query.set('status', values.state);
    return router.go(query.size > 0 ? `/orders?${query}` : '/orders');
  },
  field({ label: 'Product', name: 'find', type: 'search', maxlength: 100, value: q }),
  field({ label: 'Status', name: 'state', options: states, value: status }),
  h('button', { class: 'button outline', type: 'submit', testid: 'order-search-button' }, 'Search'));
}

function row(order) {
  const { label, tone } = orderState(order.status);
  const items = order.items ?? [];
  const itemCount = items.reduce((n, item) => n + item.quantity, 0);
  return h('li', { class: 'order-row', testid: 'order-row', 'data-id': order.id },
    h('div', {},
      h('a', { href: `/orders/${encodeURIComponent(order.id)}` }, `Order ${shortId(order.id)}`),
      h('p', { class: 'muted small' }, [date(order.created_at), itemCount > 0 && count(itemCount, 'item')].filter(Boolean).join(' · ')),
      h('p', { class: 'small clipped' }, items.map(({ name }) => name).join(', '))),
    h('span', { class: 'badge', 'data-tone': tone }, label),
    h('p', { class: 'price' }, money(order.total)));
}
