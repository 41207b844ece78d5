// One order, live: the stream says that something happened, and the order itself says what.

import { announce, confirmed, fill, h, picture, toast } from '../dom.js';
import { dateTime, isFinal, money, orderState, shortId, times } from '../format.js';
import { call, get, Problem } from '../api.js';
import { country } from '../address.js';
import { follow } from '../stream.js';
import { journey, timeline } from '../timeline.js';
import * as basket from '../cart-store.js';
import * as router from '../router.js';

// A proxy on the way may hold the stream back; the order is looked at this often all the same.
const LOOK_EVERY_MS = 10_000;

export async function order({ params, signal }) {
  const path = `/api/v1/orders/${encodeURIComponent(params.id)}`;
  let shown = await get(path, { signal });
  const live = h('section', { class: 'panel stack', 'aria-label': 'Status' });
  const past = h('section', { class: 'panel stack', 'aria-label': 'What happened', testid: 'timeline' });
  const parcels = h('section', { class: 'stack', testid: 'shipments' });
  const update = (fresh) => {
    if (fresh.status !== shown.status) announce(`Order ${orderState(fresh.status).word.toLowerCase()}.`);
    shown = fresh;
    fill(live, status(shown, cancel));
  };

  async function cancel(button) {
    const sure = await confirmed({ title: 'Cancel this order?', text: 'Any charge is refunded to your card. If you change your mind, you have to order again.', yes: 'Cancel the order', no: 'Keep it' });
    if (!sure) return;
    button.setAttribute('aria-busy', 'true');
    try {
      await call('POST', `${path}/cancel`, { key: `cancel-${params.id}` });
      await look();
    } catch (problem) {
      toast(problem instanceof Problem ? problem.words : 'Something went wrong.');
      button.removeAttribute('aria-busy');
    }
  }

  async function look() {
    const [fresh, shipments, history] = await Promise.all(
      [get(path, { signal }), optional(`${path}/shipments`, signal), optional(`${path}/history`, signal)]);
    update(fresh);
    fill(past, timeline(fresh, history));
    fill(parcels, parcelList(shipments, fresh, history));
    return fresh;
  }

  update(shown);
  fill(past, timeline(shown, []));
  if (isFinal(shown.status)) look().catch(() => {});
  else watch(`${path}/events`, signal, look, live);
  return {
    title: `Order ${shortId(shown.id)}`,
    node: [
      h('div', { class: 'page-head' },
        h('div', {}, h('h1', {}, `Order ${shortId(shown.id)}`), h('p', { class: 'muted small' }, `Placed ${dateTime(shown.created_at)} · `, h('span', { class: 'mono', testid: 'order-id' }, shown.id))),
        h('a', { href: '/orders' }, 'All orders')),
      h('div', { class: 'split' },
        h('div', { class: 'stack loose' }, live, parcels, past),
        aside(shown)),
    ],
  };
}

/** Keeps the page true until the order is final or the page is left. */
async function watch(path, signal, look, live) {
  const say = (connected) => live.setAttribute('data-live', connected ? 'on' : 'off');
  const timer = setInterval(() => look().then((order) => isFinal(order.status) && clearInterval(timer), () => {}), LOOK_EVERY_MS);
  signal.addEventListener('abort', () => clearInterval(timer), { once: true });
  look().catch(() => {});
  try {
    await follow(path, {
      signal,
      onOpen: () => { say(true); look().catch(() => {}); },
      onLost: () => { say(false); look().catch(() => {}); },
      onEvent: async () => !isFinal((await look()).status),
    });
  } catch { /* The shop has no stream for this order: what is shown is as of now. */ }
  say(false);
}

/** An optional list: the order is shown without it if it fails. */
async function optional(path, signal) {
  try {
    return (await get(path, { signal })).items;
  } catch (problem) {
    if (problem instanceof Problem) return [];
    throw problem;
  }
}

function status(order, cancel) {
  const { word, tone, text } = orderState(order.status);
  return [
    h('div', { class: 'row apart' },
      h('div', { class: 'status-line' },
        h('h2', {}, 'Status'),
        h('span', { class: 'badge', 'data-tone': tone, testid: 'order-status', 'data-status': order.status }, word)),
      ['pending', 'confirmed'].includes(order.status) && h('button', {
        class: 'button outline small',
        type: 'button',
        testid: 'cancel-order',
        onclick: (event) => cancel(event.currentTarget),
      }, 'Cancel order')),
    h('p', { class: tone === 'bad' ? 'notice bad' : 'muted', testid: 'order-text' }, text, ' ', order.rejection?.detail),
    wayOn(order),
  ];
}

const CARD_CODES = ['card_declined', 'insufficient_funds', 'payment_failed', 'payment_refused', 'authorization_expired'];

/** The actions for an order that has ended. */
function wayOn(order) {
  if (!isFinal(order.status)) return null;
  const again = async (event, then) => {
    const button = event.currentTarget;
    button.setAttribute('aria-busy', 'true');
    try {
      const missing = await basket.ensure(order.items);
      await router.go(then);
      if (missing.length > 0) toast(`Not all of it is in stock now: ${missing.map(({ name, after }) => (after > 0 ? `${name} (${after})` : name)).join(', ')}.`);
    } catch (problem) {
      toast(problem instanceof Problem ? problem.words : 'Something went wrong.');
    } finally {
      button.removeAttribute('aria-busy');
    }
  };
  const button = (testid, extra, words, then) => h('button', { class: `button ${extra}`, type: 'button', testid, onclick: (event) => again(event, then) }, words);
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
  return h('aside', { class: 'panel stack', 'aria-label': 'What was ordered' },
    h('h2', {}, 'What was ordered'),
    h('ul', { class: 'lines' }, order.items.map((item) => h('li', { class: 'line slim', testid: 'order-line', 'data-sku': item.sku },
      picture({ sku: item.sku }),
      h('div', {},
        h('p', {}, h('a', { href: `/products/${encodeURIComponent(item.sku)}` }, item.name)),
        h('p', { class: 'muted small' }, `${item.quantity} × ${money(item.price)}`)),
      h('p', { class: 'number' }, money(times(item.price, item.quantity)))))),
    h('dl', { class: 'totals' }, h('div', { class: 'sum' }, h('dt', {}, 'Total'), h('dd', { class: 'number', testid: 'order-total' }, money(order.total))),
      order.refunded && h('div', {}, h('dt', {}, 'Refunded to your card'), h('dd', { class: 'number', testid: 'order-refunded' }, money(order.refunded)))),
    address && h('div', { class: 'stack' }, h('h3', {}, 'Goes to'),
      h('address', { class: 'address muted' },
        address.name, h('br'), address.street, h('br'), `${address.postal_code} ${address.city}`, h('br'), country(address.country))));
}
