// The latest log lines, by component, trace, request and text.

import { address } from '../api.js';
import { h } from '../dom.js';
import { time } from '../format.js';
import { field, filter } from '../forms.js';
import { go, link, linkTo } from '../router.js';
import * as history from '../history.js';

const LIMIT = 500;

export const logs = {
  wide: true,
  title: () => 'Logs',
  load: ({ query, get, signal }) => get(address('/logs', { ...Object.fromEntries(query), limit: LIMIT }), { signal }),
  render({ lines: all }, { heading, query }) {
    const note = all.length === LIMIT ? `The latest ${LIMIT} lines that fit.` : 'The latest lines that the host keeps in memory.';
    return [heading, search(query), h('section', { class: 'panel flush', key: 'lines' }, lines(all.toReversed())), h('p', { class: 'muted small', key: 'note' }, note)];
  },
};

function search(query) {
  const ids = [...(history.latest()?.components.keys() ?? [])];
  return filter({ name: 'log-filter', label: 'Filter log lines', apply: (values) => go(link('/logs', values)) },
    field({ label: 'Component', name: 'component', value: query.get('component') ?? '', options: [['', 'All'], ...ids.map((id) => [id, id])] }),
    field({ label: 'Trace id', name: 'trace_id', value: query.get('trace_id'), size: 34 }),
    field({ label: 'Request id', name: 'request_id', value: query.get('request_id') }),
    field({ label: 'Text', name: 'text', value: query.get('text') }));
}

/** A link to a trace, by the beginning of its id. */
export const traceLink = (id) => h('a', { href: linkTo('traces', id), title: id }, h('span', { class: 'visually-hidden' }, 'Trace '), id.slice(0, 8));

/** Log lines as a table. */
export function lines(all) {
  if (all.length === 0) return h('p', { class: 'muted none', testid: 'lines-none', key: 'none' }, 'No line fits.');
  return h('div', { class: 'scroll', role: 'region', tabindex: '0', 'aria-label': 'Log lines', key: 'lines' },
    h('table', { class: 'log', testid: 'lines' },
      h('caption', { class: 'visually-hidden' }, 'Log lines'),
      h('thead', { class: 'visually-hidden' }, h('tr', {}, ['Time', 'Level', 'Component', 'Text', 'Trace'].map((head) => h('th', { scope: 'col' }, head)))),
      h('tbody', {}, all.map((line) => h('tr', { key: `line-${line.number}`, testid: 'line', 'data-level': line.level },
        h('td', { class: 'number muted' }, time(line.at_ms)),
        h('td', { class: 'level' }, line.stream ?? line.level),
        h('td', {}, line.component && h('a', { href: linkTo('components', line.component) }, line.component)),
        h('td', { class: 'text' }, line.text),
        h('td', {}, line.trace_id && traceLink(line.trace_id)))))));
}
