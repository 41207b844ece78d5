// One order, live: the stream says that something happened, and the order itself says what.

import { announce, fill, h, picture, toast } from '../dom.js';
import { dateTime, isFinal, money, orderState, shortId, times } from '../format.js';
import { call, get, Problem } from '../api.js';
import { follow } from '../stream.js';

// A proxy on the way may hold the stream back; the order is looked at this often all the same.
const LOOK_EVERY_MS = 10_000;
const STEPS = ['pending', 'confirmed', 'shipped', 'delivered'];
const STEP_WORDS = { pending: 'Placed', confirmed: 'Confirmed', shipped: 'Shipped', delivered: 'Delivered' };

export async function order({ params, signal }) {
  const path = `/api/v1/orders/${encodeURIComponent(params.id)}`;
  let shown = await get(path, { signal });
  const live = h('section', { class: 'panel stack', 'aria-label': 'Status' });
  const parcels = h('section', { class: 'stack', testid: 'shipments' });
  const update = (fresh) => {
    if (fresh.status !== shown.status) announce(`Order ${orderState(fresh.status).word.toLowerCase()}.`);
    shown = fresh;
    fill(live, status(shown, cancel));
  };

  async function cancel(button) {
    button.setAttribute('aria-busy', 'true');
    try {
      await call('POST', `${path}/cancel`, { key: `cancel-${params.id}` });
      update(await get(path, { signal }));
    } catch (problem) {
      toast(problem instanceof Problem ? problem.words : 'That did not work.');
      button.removeAttribute('aria-busy');
    }
  }

  async function look() {
    const [fresh, shipments] = await Promise.all([get(path, { signal }), loadShipments(path, signal)]);
    update(fresh);
    fill(parcels, parcelList(shipments));
    return fresh;
  }

  update(shown);
  if (isFinal(shown.status)) look().catch(() => {});
  else watch(`${path}/events`, signal, look, live);
  return {
    title: `Order ${shortId(shown.id)}`,
    node: [
      h('div', { class: 'page-head' },
        h('div', {}, h('h1', {}, `Order ${shortId(shown.id)}`), h('p', { class: 'muted small' }, `Placed ${dateTime(shown.created_at)} · `, h('span', { class: 'mono', testid: 'order-id' }, shown.id))),
        h('a', { href: '/orders' }, 'All orders')),
      h('div', { class: 'split' },
        h('div', { class: 'stack loose' }, live, parcels),
        aside(shown)),
    ],
  };
}

/** Keeps the page true until the order is final or the page is left. */
async function watch(path, signal, look, live) {
  const say = (connected) => live.setAttribute('data-live', connected ? 'on' : 'off');
  const timer = setInterval(() => look().then((order) => isFinal(order.status) && clearInterval(timer), () => {}), LOOK_EVERY_MS);
  signal.addEventListener('abort', () => clearInterval(timer), { once: true });
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

async function loadShipments(path, signal) {
  try {
    return (await get(`${path}/shipments`, { signal })).items;
  } catch (problem) {
    if (problem instanceof Problem) return []; // The order is worth showing without its parcels.
    throw problem;
  }
}

function status(order, cancel) {
  const { word, tone, text } = orderState(order.status);
  const reached = STEPS.indexOf(order.status);
  const reason = order.rejection?.detail;
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
    reached >= 0 && h('ol', { class: 'progress' }, STEPS.map((step, i) => h('li', {
      'data-done': i <= reached,
      'aria-current': i === reached ? 'step' : null,
    }, STEP_WORDS[step], h('span', { class: 'visually-hidden' }, i <= reached ? ' (done)' : ' (to come)')))),
    h('p', { class: reached >= 0 ? 'muted' : 'notice bad', testid: 'order-text' }, text, reason && ` ${reason}`),
  ];
}

function parcelList(shipments) {
  if (!shipments?.length) return [];
  return [h('h2', {}, shipments.length === 1 ? 'Parcel' : 'Parcels'), ...shipments.map((parcel) =>
    h('article', { class: 'panel stack', testid: 'shipment' },
      h('dl', { class: 'totals' },
        fact('Carrier', parcel.courier),
        fact('Tracking number', parcel.tracking_code, true),
        fact('Status', parcel.status.replaceAll('_', ' ')),
        fact('As of', dateTime(parcel.updated_at)))))];
}

/** The name of a country in the reader's language. */
function country(code) {
  try {
    return new Intl.DisplayNames([navigator.language || 'en'], { type: 'region' }).of(code);
  } catch {
    return code;
  }
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
    h('dl', { class: 'totals' }, h('div', { class: 'sum' }, h('dt', {}, 'Total'), h('dd', { class: 'number', testid: 'order-total' }, money(order.total)))),
    address && h('div', { class: 'stack' }, h('h3', {}, 'Goes to'),
      h('address', { class: 'address muted' },
        address.name, h('br'), address.street, h('br'), `${address.postal_code} ${address.city}`, h('br'), country(address.country))));
}
