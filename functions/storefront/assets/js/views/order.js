// One order, with live updates: at each event of its stream, the order is loaded again.

import { announce, askConfirmation, fill, h, picture, toast } from '../dom.js';
import { dateTime, isFinal, money, orderState, shortId, times } from '../format.js';
import { call, get, Problem } from '../api.js';
import { country } from '../address.js';
import { follow } from '../stream.js';
import { journey, timeline } from '../timeline.js';
import * as cartStore from '../cart-store.js';
import * as router from '../router.js';

// Proxies may delay the stream, so the order is also loaded periodically.
const REFRESH_INTERVAL_MS = 10_000;

export async function order({ params, signal }) {
  const path = `/api/v1/orders/${encodeURIComponent(params.id)}`;
  let shown = await get(path, { signal });
  const statusPanel = h('section', { class: 'panel stack', 'aria-label': 'Status' });
  const historyPanel = h('section', { class: 'panel stack', 'aria-label': 'History', testid: 'timeline' });
  const parcels = h('section', { class: 'stack', testid: 'shipments' });
  const update = (fresh) => {
    if (fresh.status !== shown.status) announce(`Order ${orderState(fresh.status).label.toLowerCase()}.`);
    shown = fresh;
    fill(statusPanel, status(shown, cancel));
  };

  async function cancel(button) {
    const sure = await askConfirmation({ title: 'Cancel this order?', text: 'Any charge is refunded to your card. If you change your mind, you have to order again.', yes: 'Cancel the order', no: 'Keep it' });
    if (!sure) return;
    button.setAttribute('aria-busy', 'true');
    try {
      await call('POST', `${path}/cancel`, { key: `cancel-${params.id}` });
      await refresh();
    } catch (problem) {
      toast(problem instanceof Problem ? problem.userMessage : 'Something went wrong.');
      button.removeAttribute('aria-busy');
    }
  }

  async function refresh() {
    const [fresh, shipments, history] = await Promise.all(
      [get(path, { signal }), optional(`${path}/shipments`, signal), optional(`${path}/history`, signal)]);
    update(fresh);
    fill(historyPanel, timeline(fresh, history));
    fill(parcels, parcelList(shipments, fresh, history));
    return fresh;
  }

  update(shown);
  fill(historyPanel, timeline(shown, []));
  if (isFinal(shown.status)) refresh().catch(() => {});
  else watch(`${path}/events`, signal, refresh, statusPanel);
  return {
    title: `Order ${shortId(shown.id)}`,
    node: [
      h('div', { class: 'page-head' },
        h('div', {}, h('h1', {}, `Order ${shortId(shown.id)}`), h('p', { class: 'muted small' }, `Placed ${dateTime(shown.created_at)} · `, h('span', { class: 'mono', testid: 'order-id' }, shown.id))),
        h('a', { href: '/orders' }, 'All orders')),
      h('div', { class: 'split' },
        h('div', { class: 'stack loose' }, statusPanel, parcels, historyPanel),
        aside(shown)),
    ],
  };
}

/** Updates the page until the order is final or the user leaves the page. */
async function watch(path, signal, refresh, panel) {
  const setConnected = (connected) => panel.setAttribute('data-live', connected ? 'on' : 'off');
  const timer = setInterval(() => refresh().then((order) => isFinal(order.status) && clearInterval(timer), () => {}), REFRESH_INTERVAL_MS);
  signal.addEventListener('abort', () => clearInterval(timer), { once: true });
  refresh().catch(() => {});
  try {
    await follow(path, {
      signal,
      onOpen: () => { setConnected(true); refresh().catch(() => {}); },
      onLost: () => { setConnected(false); refresh().catch(() => {}); },
      onEvent: async () => !isFinal((await refresh()).status),
    });
  } catch { /* There is no stream for this order: the page shows its last loaded state. */ }
  setConnected(false);
}

/** The items of a list; an empty list if it can't be loaded, so that the order is shown anyway. */
async function optional(path, signal) {
  try {
    return (await get(path, { signal })).items;
  } catch (problem) {
    if (problem instanceof Problem) return [];
    throw problem;
  }
}

function status(order, cancel) {
  const { label, tone, text } = orderState(order.status);
  return [
    h('div', { class: 'row apart' },
      h('div', { class: 'status-line' },
        h('h2', {}, 'Status'),
        h('span', { class: 'badge', 'data-tone': tone, testid: 'order-status', 'data-status': order.status }, label)),
      ['pending', 'confirmed'].includes(order.status) && h('button', {
        class: 'button outline small',
        type: 'button',
        testid: 'cancel-order',
        onclick: (event) => cancel(event.currentTarget),
      }, 'Cancel order')),
    h('p', { class: tone === 'bad' ? 'notice bad' : 'muted', testid: 'order-text' }, text, ' ', order.rejection?.detail),
    actions(order),
  ];
}

const CARD_CODES = ['card_declined', 'insufficient_funds', 'payment_failed', 'payment_refused', 'authorization_expired'];

/** The actions for an order that has ended. */
function actions(order) {
  if (!isFinal(order.status)) return null;
  const again = async (event, then) => {
    const button = event.currentTarget;
    button.setAttribute('aria-busy', 'true');
    try {
      const missing = await cartStore.ensureLines(order.items);
      await router.go(then);
      if (missing.length > 0) toast(`Some items are not in stock in this quantity: ${missing.map(({ name, after }) => (after > 0 ? `${name} (${after})` : name)).join(', ')}.`);
    } catch (problem) {
      toast(problem instanceof Problem ? problem.userMessage : 'Something went wrong.');
    } finally {
      button.removeAttribute('aria-busy');
    }
  };
  const button = (testid, style, label, then) => h('button', { class: `button ${style}`, type: 'button', testid, onclick: (event) => again(event, then) }, label);
  const card = order.status === 'rejected' && CARD_CODES.includes(order.rejection?.code);
  return h('div', { class: 'row' },
    card && button('other-card', '', 'Pay with another card', `/checkout?again=${encodeURIComponent(order.id)}`),
    button('reorder', card ? 'outline' : '', card ? 'Change the cart' : 'Order again', '/cart'));
}

function parcelList(shipments, order, history) {
  if (!shipments?.length) return [];
  return [h('h2', {}, shipments.length === 1 ? 'Parcel' : 'Parcels'), ...shipments.map((parcel) =>
    h('article', { class: 'panel stack', testid: 'shipment' },
      journey(parcel, order, history),
      h('dl', { class: 'totals' },
        fact('Carrier', parcel.courier),
        fact('Tracking', parcel.tracking_code, true),
        fact('As of', dateTime(parcel.updated_at)))))];
}

const fact = (name, value, mono) => value && h('div', {}, h('dt', { class: 'muted' }, name),
  h('dd', { class: mono ? 'mono' : null }, value));

function aside(order) {
  const address = order.shipping_address;
  return h('aside', { class: 'panel stack', 'aria-label': 'Items' },
    h('h2', {}, 'Items'),
    h('ul', { class: 'lines' }, order.items.map((item) => h('li', { class: 'line slim', testid: 'order-line', 'data-sku': item.sku },
      picture({ sku: item.sku }),
      h('div', {},
        h('p', {}, h('a', { href: `/products/${encodeURIComponent(item.sku)}` }, item.name)),
        h('p', { class: 'muted small' }, `${item.quantity} × ${money(item.price)}`)),
      h('p', { class: 'number' }, money(times(item.price, item.quantity)))))),
    h('dl', { class: 'totals' }, h('div', { class: 'sum' }, h('dt', {}, 'Total'), h('dd', { class: 'number', testid: 'order-total' }, money(order.total))),
      order.refunded && h('div', {}, h('dt', {}, 'Refunded to your card'), h('dd', { class: 'number', testid: 'order-refunded' }, money(order.refunded)))),
    address && h('div', { class: 'stack' }, h('h3', {}, 'Delivery address'),
      h('address', { class: 'address muted' },
        address.name, h('br'), address.street, h('br'), `${address.postal_code} ${address.city}`, h('br'), country(address.country))));
}
