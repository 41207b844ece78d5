// Dead letters: what was rejected, and how to go on.

import { address, post, remove } from '../api.js';
import { badge } from '../chart.js';
import { confirm, h } from '../dom.js';
import { counted, time } from '../format.js';
import { link } from '../router.js';
import { table } from '../table.js';
import { change, eventDetails, noLog, publishedIn, replaySpan } from './events.js';

const PAGE = 50;

export const deadLetters = {
  wide: true,
  title: () => 'Dead letters',
  async load({ application, query, get, signal }) {
    if (!application.has_events) return null;
    const [letters, { subscriptions }] = await Promise.all([
      get(address('/dead-letters', { after: query.get('after'), limit: PAGE }), { signal }), get('/subscriptions', { signal }),
    ]);
    return { letters, subscriptions: subscriptions.filter((one) => one.dead_letters > 0) };
  },
  render(data, { heading, query, redraw, reload }) {
    if (!data) return [heading, noLog()];
    const { letters, subscriptions } = data;
    return [
      heading,
      h('p', { class: 'muted', key: 'intro' }, 'An event that its subscriber rejects, or whose delivery fails too often, waits here. Later events of its key wait behind it. Correct the cause first; then deliver it again.'),
      subscriptions.length > 0 && h('section', { class: 'panel', key: 'subscriptions' }, h('h2', {}, 'By subscription'),
        h('ul', { class: 'plain' }, subscriptions.map((one) => h('li', { key: one.name, class: 'row' }, h('span', {}, h('strong', {}, one.name), ` · ${counted(one.dead_letters, 'dead letter')} · ${counted(one.held_events, 'event')} held`),
          h('button', { type: 'button', class: 'button small', testid: 'replay-subscription', onclick: () => replaySpan(one.name, reload) }, 'Replay a time span …'))))),
      h('section', { class: 'panel flush', key: 'letters' },
        h('div', { class: 'panel-head' }, h('h2', {}, 'Dead letters'), h('div', { class: 'row' },
          query.has('after') && h('a', { class: 'button small', href: '#/dead-letters' }, 'First page'),
          letters.next && letters.dead_letters.length === PAGE && h('a', { class: 'button small', href: link('/dead-letters', { after: letters.next }) }, 'Next page'))),
        list(letters.dead_letters, redraw, reload)),
    ];
  },
};

function list(rows, redraw, reload) {
  return table({
    name: 'dead-letters', caption: 'Dead letters', rows, redraw, key: ({ id }) => id, empty: 'There are no dead letters.',
    columns: [
      { head: 'Subscription', cell: (row) => row.subscription, value: (row) => row.subscription },
      { head: 'Reason', cell: (row) => [badge(row.reason, 'bad'), h('div', { class: 'small clip', title: row.detail }, row.detail)] },
      { head: 'Type', cell: (row) => row.entry.event.type, value: (row) => row.entry.event.type },
      { head: 'Key', cell: (row) => row.entry.event.partitionkey ?? '–', value: (row) => row.entry.event.partitionkey ?? '' },
      { head: 'Attempts', kind: 'number wide', cell: (row) => row.attempts, value: (row) => row.attempts },
      { head: 'Died', kind: 'wide', cell: (row) => h('span', { class: 'number' }, time(row.died_at_ms)), value: (row) => row.died_at_ms },
      { head: 'Trace', kind: 'wide', cell: (row) => publishedIn(row.entry.event) },
      { head: 'Event', cell: (row) => eventDetails(row.entry.event, row.id) },
      { head: 'Actions', cell: (row) => actions(row, reload) },
    ],
  });
}

function actions(letter, reload) {
  const key = letter.entry.event.partitionkey;
  const button = (testid, label, onclick) => h('button', { type: 'button', class: 'button small', testid, onclick }, label);
  return h('div', { class: 'row' },
    button('replay', 'Replay', () => replay(letter, reload)),
    key !== undefined && button('replay-key', 'All of the key', () => replayKey(letter, key, reload)),
    button('discard', 'Discard', () => discard(letter, reload)));
}

async function replay(letter, reload) {
  const isWanted = await confirm({ title: 'Deliver this event again?', text: `${letter.entry.event.type} is delivered to ${letter.subscription} again, with a new set of attempts.`, yes: 'Deliver again' });
  if (isWanted) await change(() => post(`/dead-letters/${encodeURIComponent(letter.id)}/replay`), () => 'The event will be delivered again.', reload);
}

async function replayKey(letter, key, reload) {
  const isWanted = await confirm({ title: 'Deliver all dead letters of the key again?', text: `All dead letters of the key ${key} are delivered to ${letter.subscription} again, in order, and then the events that wait for them.`, yes: 'Deliver again' });
  if (!isWanted) return;
  const path = `/subscriptions/${encodeURIComponent(letter.subscription)}/keys/${encodeURIComponent(key)}/replay`;
  await change(() => post(path), ({ events }) => `${counted(events, 'event')} will be delivered again.`, reload);
}

async function discard(letter, reload) {
  const isWanted = await confirm({ title: 'Discard this event?', text: `${letter.subscription} will never receive ${letter.entry.event.type} of the key ${letter.entry.event.partitionkey ?? '–'}. Later events of the key are delivered without it.`, yes: 'Discard', danger: true });
  if (isWanted) await change(() => remove(`/dead-letters/${encodeURIComponent(letter.id)}`), () => 'The event was discarded.', reload);
}
