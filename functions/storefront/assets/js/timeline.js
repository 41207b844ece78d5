// The history of an order, and the progress of its parcels.

import { h } from './dom.js';
import { dateTime, money, orderState } from './format.js';
import { country } from './address.js';

/** The events of an order that customers see; other events are internal. */
const LABELS = {
  placed: 'Order placed',
  confirmed: 'Paid and confirmed',
  cancel_requested: 'Cancellation requested',
  cancel_refused: 'Too late to cancel: the order continues',
  cancelled: 'Canceled',
  rejected: 'Could not be accepted',
  shipped: 'Handed to the carrier',
  delivered: 'Delivered',
  partly_returned: 'Partly returned to us',
  parcel_refunded: 'Refunded',
  returned: 'Returned to us',
};

const STEPS = ['pending', 'confirmed', 'shipped', 'delivered'];
const UPCOMING = { confirmed: 'Paid and confirmed', shipped: 'Handed to the carrier', delivered: 'Delivered' };

/** The list of past and upcoming steps. */
export function timeline(order, history) {
  const done = history.filter(({ type }) => LABELS[type])
    .map(({ type, at, amount }) => ({ label: amount ? `${LABELS[type]}: ${money(amount)}` : LABELS[type], at }));
  if (done.length === 0) {
    done.push({ label: LABELS.placed, at: order.created_at });
    if (order.status !== 'pending') done.push({ label: orderState(order.status).label, at: order.updated_at });
  }
  const reached = STEPS.indexOf(order.status);
  const upcoming = reached < 0 ? [] : STEPS.slice(reached + 1).map((step) => ({ label: UPCOMING[step] }));
  return [h('h2', {}, 'History'), h('ol', { class: 'timeline' },
    done.map(({ label, at }, i) => h('li', { 'data-done': true, 'aria-current': i === done.length - 1 ? 'step' : null, testid: 'timeline-step' },
      h('span', {}, label), h('time', { class: 'muted small', datetime: at }, dateTime(at)))),
    upcoming.map(({ label }) => h('li', { class: 'muted' }, h('span', {}, label, h('span', { class: 'visually-hidden' }, ' (upcoming)')))))];
}

/** The station of a parcel and its description, by status. */
const STATIONS = {
  created: { at: 0, text: 'Packed, and waiting for the carrier.' },
  in_transit: { at: 1, text: 'On its way to you.' },
  attempt_failed: { at: 1, text: 'The carrier could not deliver it and will try again.' },
  delivered: { at: 2, text: 'Delivered.' },
  cancelled: { at: 0, text: 'Canceled before it was shipped.' },
  returned: { at: 0, text: 'Returned to us.' },
};

/** The progress of a parcel from the warehouse to the customer. Only stations are known, not
    positions. */
export function journey(parcel, order, history) {
  const { at, text } = STATIONS[parcel.status] ?? { at: 0, text: parcel.status.replaceAll('_', ' ') };
  const times = stationTimes(parcel, history);
  const place = order.shipping_address;
  const stops = [
    ['Our warehouse', times.returned ?? times.created],
    [parcel.courier || 'The carrier', times.in_transit],
    [place ? `${place.city}, ${country(place.country)}` : 'You', times.delivered],
  ];
  return h('div', { class: 'stack' },
    h('p', { testid: 'parcel-words' }, h('strong', {}, text)),
    h('ol', { class: 'journey', 'aria-label': 'Progress of the parcel' }, stops.map(([name, time], i) => h('li', {
      'data-done': i <= at && parcel.status !== 'cancelled',
      'aria-current': i === at ? 'step' : null,
    }, h('span', { class: 'stop' }, name), time && h('time', { class: 'muted small', datetime: time }, dateTime(time))))));
}

/** When the parcel first reached each of its states, according to the order. */
function stationTimes(parcel, history) {
  const times = {};
  for (const { type, at, parcels } of history) {
    if (type !== 'parcels_moved') continue;
    const status = parcels?.find(({ id }) => id === parcel.id)?.status;
    if (status) times[status] ??= at;
  }
  times[parcel.status] ??= parcel.updated_at;
  return times;
}
