// One trace as a waterfall, with the log lines of its calls.

import { badge } from '../chart.js';
import { h } from '../dom.js';
import { count, counted, duration, isFailure, time } from '../format.js';
import { check } from '../forms.js';
import { link, linkTo } from '../router.js';
import { lines } from './logs.js';

const COLORS = 8;
/** With more spans, operations on stores are left out at first. */
const SPANS_MAX = 60;
const open = new Set();
/** Whether operations on stores are shown; null until the operator decides. */
let showsStores = null;

export const trace = {
  wide: true,
  title: () => 'Trace',
  async load({ params: { id }, get, signal }) {
    // A request without an id of its own has that of its trace: this finds both.
    const { spans } = await get(`/traces?request_id=${encodeURIComponent(id)}`, { signal });
    const ids = [...new Set(spans.map((span) => span.trace_id))];
    const logs = await Promise.all(ids.slice(0, 5).map((one) => get(`/logs?trace_id=${one}`, { signal })));
    return { spans, lines: logs.flatMap((log) => log.lines) };
  },
  render({ spans, lines: log }, { heading, params: { id }, redraw }) {
    if (spans.length === 0) {
      return [heading, h('p', { class: 'notice', testid: 'no-trace', key: 'none' }, 'There is no trace with this id. It may be older than those that are kept. Log lines may be left: ', h('a', { href: link('/logs', { request_id: id }) }, 'search the log'))];
    }
    const groups = Map.groupBy(spans, (span) => span.trace_id);
    return [heading, [...groups].map(([traceId, own]) => waterfall(traceId, own, redraw)),
      h('section', { class: 'panel flush', key: 'log' }, h('div', { class: 'panel-head' }, h('h2', {}, 'Log lines'), h('a', { href: link('/logs', { request_id: id }) }, 'Search the log')), lines(log))];
  },
};

function waterfall(traceId, spans, redraw) {
  const stores = spans.filter(({ kind }) => kind === 'store').length;
  const isShown = showsStores ?? spans.length <= SPANS_MAX;
  const all = tree(spans);
  const rows = all.filter(({ span }) => isShown || span.kind !== 'store');
  const colors = new Map([...new Set(all.map(({ span }) => span.component))].map((name, i) => [name, i % COLORS]));
  const toggle = (event) => { showsStores = event.target.checked; redraw(); };
  const start = Math.min(...spans.map((span) => span.started_at_us));
  const end = Math.max(...spans.map((span) => span.started_at_us + span.duration_us));
  const request = spans.find((span) => span.request_id)?.request_id;
  const components = new Set(spans.map((span) => span.component));
  return h('section', { class: 'panel flush', key: traceId, testid: 'waterfall' },
    h('div', { class: 'panel-head' }, h('h2', {}, all[0].span.operation),
      h('p', { class: 'muted' }, [time(start / 1000), duration((end - start) / 1e6), counted(spans.length, 'span'), counted(components.size, 'component')].join(' · '))),
    h('dl', { class: 'facts inset' }, h('div', {}, h('dt', {}, 'Trace'), h('dd', {}, h('code', {}, traceId))), request && h('div', {}, h('dt', {}, 'Request id'), h('dd', {}, h('code', {}, request)))),
    stores > 0 && h('div', { class: 'inset', key: 'stores' }, check({ label: `Operations on stores (${count(stores)})`, name: 'stores', checked: isShown, onchange: toggle })),
    h('div', { class: 'scroll', role: 'region', tabindex: '0', 'aria-label': 'Waterfall' },
      h('table', { class: 'waterfall' },
        h('caption', { class: 'visually-hidden' }, 'The spans of the trace, each below the one that caused it'),
        h('thead', {}, h('tr', {}, h('th', { scope: 'col' }, 'Span'), h('th', { scope: 'col' }, 'Result'), h('th', { scope: 'col', class: 'number' }, 'Duration'), h('th', { scope: 'col', class: 'timeline' }, scale(end - start)))),
        h('tbody', {}, rows.flatMap((row) => spanRows(row, { start, total: Math.max(1, end - start), color: colors.get(row.span.component) }, redraw))))));
}

/** Marks of time above the bars. */
const scale = (total) => h('span', { class: 'marks' }, h('span', {}, '0'), h('span', {}, duration(total / 2e6)), h('span', {}, duration(total / 1e6)));

/** Spans below those that caused them, in the order in which they began. */
function tree(spans) {
  const known = new Set(spans.map((span) => span.span_id));
  const children = Map.groupBy(spans, (span) => (known.has(span.parent_id) ? span.parent_id : null));
  const seen = new Set();
  const rows = [];
  const visit = (parent, depth) => {
    const here = (children.get(parent) ?? []).toSorted((a, b) => a.started_at_us - b.started_at_us);
    for (const span of here) {
      if (seen.has(span.span_id)) continue;
      seen.add(span.span_id);
      rows.push({ span, depth, own: ownTime(span, children.get(span.span_id) ?? []) });
      visit(span.span_id, depth + 1);
    }
  };
  visit(null, 0);
  return rows;
}

/** The time of a span in which none of its children ran. */
function ownTime(span, children) {
  const end = span.started_at_us + span.duration_us;
  const parts = children.map((child) => [Math.max(child.started_at_us, span.started_at_us), Math.min(child.started_at_us + child.duration_us, end)])
    .filter(([from, to]) => to > from).toSorted(([a], [b]) => a - b);
  let covered = 0;
  let last = span.started_at_us;
  for (const [from, to] of parts) {
    covered += Math.max(0, to - Math.max(from, last));
    last = Math.max(last, to);
  }
  return Math.max(0, span.duration_us - covered);
}

const failed = ({ outcome }) => isFailure(outcome);

function spanRows(row, { start, total, color }, redraw) {
  const { span, depth } = row;
  const id = `span-${span.span_id}`;
  const isOpen = open.has(id);
  const toggle = () => { if (!open.delete(id)) open.add(id); redraw(); };
  const left = ((span.started_at_us - start) / total) * 100;
  const width = Math.max(0.3, (span.duration_us / total) * 100);
  return [
    h('tr', { key: id, testid: 'span', 'data-kind': span.kind },
      h('th', { scope: 'row', styles: { '--depth': depth } },
        h('button', { type: 'button', class: 'span-name', 'aria-expanded': String(isOpen), onclick: toggle },
          h('span', { class: 'dot', 'data-color': color, 'aria-hidden': 'true' }), h('strong', {}, span.component), ' ', span.operation)),
      h('td', {}, badge(span.outcome, failed(span) ? 'bad' : 'plain')),
      h('td', { class: 'number' }, duration(span.duration_us / 1e6)),
      h('td', { class: 'timeline' }, h('span', { class: ['bar-time', failed(span) && 'failed'], 'data-color': color, styles: { '--left': `${left}%`, '--width': `${width}%` } }))),
    isOpen && h('tr', { key: `${id}-details`, class: 'details' }, h('td', { colspan: 4 }, details(row, start))),
  ];
}

function details({ span, own }, start) {
  const facts = [
    ['Kind', span.kind], ['Component', h('a', { href: linkTo('components', span.component) }, span.component)], ['Operation', span.operation], ['Result', span.outcome],
    ['Begins after', duration((span.started_at_us - start) / 1e6)], ['Duration', duration(span.duration_us / 1e6)], ['Of that itself', duration(own / 1e6)],
    ['Started', time(span.started_at_us / 1000)], ['Span', h('code', {}, span.span_id)], ['Parent', h('code', {}, span.parent_id ?? '–')],
  ];
  return h('dl', { class: 'facts', testid: 'span-details' }, facts.map(([name, value]) => h('div', {}, h('dt', {}, name), h('dd', {}, value))));
}
