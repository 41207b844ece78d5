// Recent traces, and the search for one by its id or by that of its request.

import { address } from '../api.js';
import { badge } from '../chart.js';
import { h, toast } from '../dom.js';
import { duration, isFailure, time } from '../format.js';
import { check, field, filter } from '../forms.js';
import { go, link, linkTo } from '../router.js';
import { table } from '../table.js';

const LIMIT = 200;

export const traces = {
  wide: true,
  title: () => 'Traces',
  load: ({ query, get, signal }) => get(address('/traces/list', { ...Object.fromEntries(query), limit: LIMIT }), { signal }),
  render({ traces: rows }, { heading, query, redraw }) {
    return [heading, lookup(), search(query), h('section', { class: 'panel flush', key: 'list' }, list(rows, redraw))];
  },
};

/** Opens a trace by the id of the trace, or by `x-request-id`. */
function lookup() {
  const apply = ({ id }) => { if (id) go(linkTo('traces', id)); else toast('Enter an id.'); };
  return filter({ name: 'trace-lookup', label: 'Find a trace', apply },
    field({ label: 'Trace id or request id', name: 'id', placeholder: 'x-request-id, or 32 hexadecimal digits', size: 40 }));
}

function search(query) {
  const apply = (values) => go(link('/traces', values));
  return filter({ name: 'trace-filter', label: 'Filter traces', apply },
    field({ label: 'Route contains', name: 'operation', value: query.get('operation') }),
    field({ label: 'Component', name: 'component', value: query.get('component') }),
    field({ label: 'At least (ms)', name: 'duration_min_ms', type: 'number', min: 0, value: query.get('duration_min_ms') }),
    check({ label: 'Failed only', name: 'failed', checked: query.has('failed') }),
    check({ label: 'Requests only', name: 'requests', checked: query.has('requests') }));
}

function list(rows, redraw) {
  return table({
    name: 'traces', caption: 'The latest traces', rows, redraw, key: (row) => row.trace_id, empty: 'No trace fits.',
    columns: [
      { head: 'Route', cell: (row) => h('a', { href: linkTo('traces', row.trace_id) }, row.operation), value: (row) => row.operation },
      { head: 'Started', cell: (row) => h('span', { class: 'number' }, time(row.started_at_us / 1000)), value: (row) => row.started_at_us },
      { head: 'Result', cell: (row) => result(row), value: (row) => row.outcome },
      { head: 'Duration', kind: 'number', cell: (row) => duration(row.duration_us / 1e6), value: (row) => row.duration_us },
      { head: 'Begins at', kind: 'wide', cell: (row) => `${row.component} (${row.kind})`, value: (row) => row.component },
      { head: 'Components', kind: 'number', cell: (row) => row.components, value: (row) => row.components },
      { head: 'Spans', kind: 'number wide', cell: (row) => row.spans, value: (row) => row.spans },
      { head: 'Request id', kind: 'wide', cell: (row) => h('code', {}, row.request_id ?? '–') },
    ],
  });
}

/** How a trace ended, and whether something within it failed. */
function result({ outcome, failed }) {
  return [badge(outcome, isFailure(outcome) ? 'bad' : /^4/.test(outcome) ? 'warn' : 'good'), failed && !isFailure(outcome) && badge('failure inside', 'warn')];
}
