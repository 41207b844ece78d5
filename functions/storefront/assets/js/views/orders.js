// My orders, newest first.

import { empty, h, toast } from '../dom.js';
import { count, date, money, orderState, shortId } from '../format.js';
import { get, Problem } from '../api.js';

export async function orders({ signal }) {
  const page = await get('/api/v1/orders', { signal });
  if (page.items.length === 0) {
    return { title: 'Your orders', node: empty('No orders yet', 'When you have ordered something, you can follow it here.', h('a', { class: 'button', href: '/' }, 'Look around')) };
  }
  const list = h('ul', { testid: 'orders' }, page.items.map(row));
  let cursor = page.next_cursor;
  const more = h('button', { class: 'button outline', type: 'button', testid: 'more', hidden: !cursor, onclick: fetchMore }, 'Show older orders');
  async function fetchMore() {
    try {
      const next = await get(`/api/v1/orders?${new URLSearchParams({ cursor })}`, { signal });
      list.append(...next.items.map(row));
      cursor = next.next_cursor;
      more.hidden = !cursor;
    } catch (problem) {
      if (!signal.aborted) toast(problem instanceof Problem ? problem.words : 'That did not work.');
    }
  }
  return { title: 'Your orders', node: [h('div', { class: 'page-head' }, h('h1', {}, 'Your orders')), list, h('div', { class: 'more' }, more)] };
}

function row(order) {
  const { word, tone } = orderState(order.status);
  const pieces = (order.items ?? []).reduce((n, item) => n + item.quantity, 0);
  return h('li', { class: 'order-row', testid: 'order-row', 'data-id': order.id },
    h('div', {},
      h('a', { href: `/orders/${encodeURIComponent(order.id)}` }, `Order ${shortId(order.id)}`),
      h('p', { class: 'muted small' }, [date(order.created_at), pieces > 0 && count(pieces, 'item')].filter(Boolean).join(' · '))),
    h('span', { class: 'badge', 'data-tone': tone }, word),
    h('p', { class: 'price' }, money(order.total)));
}
