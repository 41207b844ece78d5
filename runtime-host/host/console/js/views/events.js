// The event log: how far subscriptions are, and the events themselves.

import { address, get as read, post } from '../api.js';
import { badge } from '../chart.js';
import { dialog, h, toast } from '../dom.js';
import { age, count, counted, time } from '../format.js';
import { field } from '../forms.js';
import { go, link, linkTo } from '../router.js';
import { table } from '../table.js';
import { traceLink } from './logs.js';

const PAGE = 50;

export const events = {
  wide: true,
  title: () => 'Events',
  async load({ application, query, get, signal }) {
    if (!application.has_events) return null;
    const [{ subscriptions }, log] = await Promise.all([
      get('/subscriptions', { signal }), get(address('/events', { after: query.get('after') ?? 0, limit: PAGE }), { signal }),
    ]);
    return { subscriptions, log };
  },
  render(data, { heading, query, redraw, reload }) {
    if (!data) return [heading, noLog()];
    return [
      heading,
      h('section', { class: 'panel flush', key: 'subscriptions' }, h('div', { class: 'panel-head' }, h('h2', {}, 'Subscriptions')), subscriptionsTable(data.subscriptions, redraw, reload)),
      h('section', { class: 'panel flush', key: 'log' },
        h('div', { class: 'panel-head' }, h('h2', {}, 'Event log'), pages(query, data.log)),
        list(data.log.events, redraw)),
    ];
  },
};

export const noLog = () => h('p', { class: 'notice', testid: 'no-events', key: 'none' }, 'No component of this application publishes, reads or receives events, so there is no event log.');

function subscriptionsTable(rows, redraw, reload) {
  return table({
    name: 'subscriptions', caption: 'Subscriptions', rows, redraw, key: ({ name }) => name, empty: 'No component subscribes to events.',
    columns: [
      { head: 'Subscription', cell: ({ name }) => name, value: ({ name }) => name },
      { head: 'Types', kind: 'wide', cell: ({ types }) => types.join(', ') },
      { head: 'Components', kind: 'wide', cell: ({ components }) => components.map((id, i) => [i > 0 && ', ', h('a', { href: linkTo('components', id) }, id)]) },
      { head: 'Behind', kind: 'number', cell: (row) => (row.lag_events === 0 ? '0' : `${count(row.lag_events)} · ${age(row.lag_ms)}`), value: (row) => row.lag_events },
      { head: 'Held', kind: 'number', cell: (row) => count(row.held_events), value: (row) => row.held_events },
      { head: 'Retrying', kind: 'number', cell: (row) => count(row.retrying_events), value: (row) => row.retrying_events },
      { head: 'Dead letters', kind: 'number', cell: (row) => (row.dead_letters > 0 ? h('a', { href: '#/dead-letters' }, badge(count(row.dead_letters), 'bad')) : '0'), value: (row) => row.dead_letters },
      { head: 'Replay', cell: ({ name }) => h('button', { type: 'button', class: 'button small', testid: 'replay-span', onclick: () => replaySpan(name, reload) }, 'Time span …') },
    ],
  });
}

/** Asks for a time span, and delivers its events again. */
export async function replaySpan(name, reload) {
  const now = local(new Date());
  const data = await dialog({
    title: `Deliver events to ${name} again`,
    yes: 'Deliver again',
    danger: true,
    body: [
      h('p', {}, 'All events of this time span that fit the subscription are delivered again, also those that were processed. Its dead letters of that time are delivered again, too.'),
      field({ label: 'From', name: 'from', type: 'datetime-local', step: 1, required: true, value: local(new Date(Date.now() - 3_600_000)) }),
      field({ label: 'Until (exclusive)', name: 'until', type: 'datetime-local', step: 1, required: true, value: now }),
    ],
  });
  if (!data) return;
  const [from, until] = ['from', 'until'].map((end) => new Date(data.get(end)).getTime());
  await change(() => post(address(`/subscriptions/${encodeURIComponent(name)}/replay`, { from, until })), ({ events: n }) => `${counted(n, 'event')} will be delivered again.`, reload);
}

/** A time for a field, in the zone of the browser. */
const local = (date) => new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 19);

/** Makes a change, says what came of it, and shows the new state. */
export async function change(work, done, reload) {
  try {
    toast(done(await work()), 'good');
  } catch (problem) {
    toast(problem.message, 'bad');
  }
  await reload();
}

function pages(query, log) {
  const after = Number(query.get('after') ?? 0);
  const latest = async () => {
    try {
      go(link('/events', { after: await startOfLastPage((position) => read(`/events?after=${position}&limit=1`).then((page) => page.events.length > 0)) }));
    } catch (problem) { toast(problem.message, 'bad'); }
  };
  return h('div', { class: 'row', key: 'pages' },
    after > 0 && h('a', { class: 'button small', href: '#/events' }, 'First page'),
    log.next !== null && log.events.length > 0 && h('a', { class: 'button small', href: link('/events', { after: log.next }), testid: 'next-page' }, 'Next page'),
    h('button', { type: 'button', class: 'button small', onclick: latest, testid: 'latest-page' }, 'Latest'));
}

/** The position before the last page. Only whether there are events after a position can be asked. */
async function startOfLastPage(hasMoreAfter) {
  let low = 0;
  if (!await hasMoreAfter(low)) return 0;
  let high = PAGE;
  while (await hasMoreAfter(high)) { low = high; high *= 2; }
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (await hasMoreAfter(middle)) low = middle;
    else high = middle;
  }
  return Math.max(0, high - PAGE);
}

function list(rows, redraw) {
  return table({
    name: 'events', caption: 'Events', rows, redraw, key: ({ position }) => String(position), empty: 'No events after this position.',
    columns: [
      { head: 'Position', kind: 'number', cell: ({ position }) => position },
      { head: 'Recorded', cell: (row) => h('span', { class: 'number' }, time(row.recorded_at_ms)) },
      { head: 'Type', cell: ({ event }) => event.type },
      { head: 'Key', cell: ({ event }) => event.partitionkey ?? '–' },
      { head: 'Subject', kind: 'wide', cell: ({ event }) => event.subject ?? '–' },
      { head: 'Trace', kind: 'wide', cell: ({ event }) => publishedIn(event) },
      { head: 'Event', cell: ({ event, position }) => eventDetails(event, position) },
    ],
  });
}

/** A link to the trace in which an event was published. */
export function publishedIn({ traceparent }) {
  const id = /^[\da-f]{2}-([\da-f]{32})-/.exec(traceparent ?? '')?.[1];
  return id ? traceLink(id) : '–';
}

/** The whole event, on request. */
export const eventDetails = (event, position) => h('details', { key: `event-${position}` }, h('summary', {}, 'Show'), h('pre', { class: 'json', tabindex: '0' }, JSON.stringify(event, null, 2)));
