// The history of an order, and the progress of its parcels.

import { h } from './dom.js';
import { dateTime, money, orderState } from './format.js';
import { country } from './address.js';

/** The events of an order that customers see; other events are internal. */
const WORDS = {
  placed: 'Order placed',
  confirmed: 'Paid and confirmed',
  cancel_requested: 'Cancellation requested',
  cancel_refused: 'Too late to cancel: the order continues',
  cancelled: 'Cancelled',
  rejected: 'Could not be accepted',
  shipped: 'Handed to the carrier',
  delivered: 'Delivered',
  partly_returned: 'A part was returned to us',
  parcel_refunded: 'Refunded',
  returned: 'Returned to us',
};

const STEPS = ['pending', 'confirmed', 'shipped', 'delivered'];
const TO_COME = { confirmed: 'Paid and confirmed', shipped: 'Handed to the carrier', delivered: 'Delivered' };

/** The list of past and upcoming steps. */
export function timeline(order, history) {
  const done = history.filter(({ type }) => WORDS[type])
    .map(({ type, at, amount }) => ({ words: amount ? `${WORDS[type]}: ${money(amount)}` : WORDS[type], at }));
  if (done.length === 0) {
    done.push({ words: WORDS.placed, at: order.created_at });
    if (order.status !== 'pending') done.push({ words: orderState(order.status).word, at: order.updated_at });
  }
  const reached = STEPS.indexOf(order.status);
  const rest = reached < 0 ? [] : STEPS.slice(reached + 1).map((step) => ({ words: TO_COME[step] }));
  return [h('h2', {}, 'What happened'), h('ol', { class: 'timeline' },
    done.map(({ words, at }, i) => h('li', { 'data-done': true, 'aria-current': i === done.length - 1 ? 'step' : null, testid: 'timeline-step' },
      h('span', {}, words), h('time', { class: 'muted small', datetime: at }, dateTime(at)))),
    rest.map(({ words }) => h('li', { class: 'muted' }, h('span', {}, words, h('span', { class: 'visually-hidden' }, ' (still to come)')))))];
}

/** The progress of a parcel from the warehouse to the customer. Only stations are known, not
    positions. */
const STATIONS = {
  created: { at: 0, words: 'Packed, and waiting for its carrier.' },
  in_transit: { at: 1, words: 'On its way to you.' },
  attempt_failed: { at: 1, words: 'The carrier could not deliver it and will try again.' },
  delivered: { at: 2, words: 'Delivered.' },
  cancelled: { at: 0, words: 'Canceled before it was shipped.' },
  returned: { at: 0, words: 'Returned to us.' },
};

export function journey(parcel, order, history) {
  const { at, words } = STATIONS[parcel.status] ?? { at: 0, words: parcel.status.replaceAll('_', ' ') };
  const times = reached(parcel, history);
  const place = order.shipping_address;
  const stops = [
    ['Our warehouse', times.returned ?? times.created],
    [parcel.courier || 'The carrier', times.in_transit],
    [place ? `${place.city}, ${country(place.country)}` : 'You', times.delivered],
  ];
  return h('div', { class: 'stack' },
    h('p', { testid: 'parcel-words' }, h('strong', {}, words)),
    h('ol', { class: 'journey', 'aria-label': 'Progress of the parcel' }, stops.map(([name, time], i) => h('li', {
      'data-done': i <= at && parcel.status !== 'cancelled',
      'aria-current': i === at ? 'step' : null,
    }, h('span', { class: 'stop' }, name), time && h('time', { class: 'muted small', datetime: time }, dateTime(time))))));
}

/** When the parcel first reached each of its states, according to the order. */
function reached(parcel, history) {
  const times = {};
  for (const { type, at, parcels } of history) {
    if (type !== 'parcels_moved') continue;
    const status = parcels?.find(({ id }) => id === parcel.id)?.status;
    if (status) times[status] ??= at;
  }
  times[parcel.status] ??= parcel.updated_at;
  return times;
}
