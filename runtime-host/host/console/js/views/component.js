// One component: its figures, what it uses and may use, its calls, and its latest log lines.

import { Problem } from '../api.js';
import { badge, meter, tile } from '../chart.js';
import { h } from '../dom.js';
import { bytes, count, digest, duration, isFailure, number, percent, rate } from '../format.js';
import * as history from '../history.js';
import { tone } from '../rates.js';
import { link } from '../router.js';
import { table } from '../table.js';
import * as token from '../token.js';
import { lines } from './logs.js';
import { edgesOf, edgesTable, figureColumns } from './overview.js';

const LOG_LINES = 20;

export const component = {
  wide: true,
  title: ({ params }) => params.id,
  async load({ params: { id }, get, signal }) {
    const [detail, policies, log] = await Promise.all([get(`/components/${encodeURIComponent(id)}`, { signal }), get('/edges', { signal }), logOf(id, get, signal)]);
    return { detail, policies, log };
  },
  render({ detail, policies, log }, { heading, redraw, params: { id } }) {
    const { component: one, routes, at_ms: at, bounds_s: bounds } = detail;
    const counters = new Map(routes.map((each) => [routeKey(each), each.calls]));
    const recent = history.recent(`component ${id}`, at, counters);
    const rows = routes.map((each) => ({ ...each, key: routeKey(each), figures: recent(routeKey(each), bounds) }));
    return [
      heading,
      h('dl', { class: 'facts', key: 'facts' },
        fact('Revision', h('code', { title: one.revision, testid: 'revision' }, digest(one.revision))),
        fact('Source', h('code', {}, one.source)),
        fact('Started in', duration((one.start.code_ms + one.start.links_ms) / 1000)),
        fact('Calls', count(one.calls.count)),
        fact('Failures', failures(one))),
      tiles(one),
      h('div', { class: 'columns', key: 'columns' }, permits(one), limits(one.limits)),
      section('Calls', 'routes', rows.filter((row) => row.inbound), 'No calls so far.', redraw),
      section('What it does', 'operations', rows.filter((row) => !row.inbound), 'It has used no store, no other host and no events so far.', redraw),
      h('section', { class: 'panel flush', key: 'edges' }, h('div', { class: 'panel-head' }, h('h2', {}, 'Neighbors')), edgesTable('neighbors', edgesOf(id, policies.edges), redraw)),
      h('section', { class: 'panel flush', key: 'log' },
        h('div', { class: 'panel-head' }, h('h2', {}, 'Latest log lines'),
          h('div', { class: 'row' }, h('a', { href: link('/logs', { component: id }) }, 'All log lines'), h('a', { href: link('/traces', { component: id }) }, 'Traces'))),
        log === null ? h('p', { class: 'muted none' }, 'Log lines need the admin token: ', h('a', { href: link('/logs', { component: id }) }, 'enter it')) : lines(log.lines)),
    ];
  },
};

const fact = (name, value) => h('div', {}, h('dt', {}, name), h('dd', {}, value));
const routeKey = ({ kind, route, caller }) => `${kind} ${route} ${caller ?? ''}`;

async function logOf(id, get, signal) {
  if (!token.get()) return null;
  try {
    return await get(`/logs?${new URLSearchParams({ component: id, limit: LOG_LINES })}`, { signal });
  } catch (problem) {
    if (problem instanceof Problem && problem.status === 401) return null;
    throw problem;
  }
}

/** The results that are failures, with their numbers. */
function failures({ calls }) {
  if (calls.failed === 0) return 'none';
  return Object.entries(calls.outcomes).filter(([name]) => isFailure(name)).map(([name, n]) => badge(`${name} × ${count(n)}`, 'bad'));
}

function tiles(one) {
  const now = history.component(one.id);
  const all = history.seriesOfComponent(one.id);
  const gauge = (pick) => history.values((reading) => { const known = reading.components.get(one.id); return known ? pick(known) : null; });
  const cpu = history.perSecond((reading) => reading.components.get(one.id)?.cpu_seconds ?? 0);
  return h('div', { class: 'tiles', key: 'tiles' },
    tile({ label: 'Calls', value: rate(now.perSecond), values: [all.map((each) => each.perSecond)], describe: rate, testid: 'tile-calls' }),
    tile({ label: 'Failed', value: percent(now.failedShare), tone: tone(now), values: [all.map((each) => each.failedShare ?? 0)], describe: percent }),
    tile({ label: 'Latency', value: duration(now.p50), note: `p99 ${duration(now.p99)}`, values: [all.map((each) => each.p99), all.map((each) => each.p50)], describe: duration }),
    tile({ label: 'Instances', value: number(one.instances.existing), note: `${one.instances.idle} idle · ${count(one.instances.made)} made`, values: [gauge((each) => each.instances.existing)], describe: number, testid: 'tile-instances' }),
    tile({ label: 'Memory', value: bytes(one.memory_bytes), values: [gauge((each) => each.memory_bytes)], describe: bytes }),
    tile({ label: 'CPU', value: cpu.length > 0 ? `${number(cpu.at(-1) * 100)} %` : '–', note: `${duration(one.cpu_seconds)} in total`, values: [cpu], describe: (value) => `${number(value * 100)} %` }));
}

function permits(one) {
  const { limits: all } = one;
  const isReduced = one.concurrency_limit < one.concurrency_max;
  return h('section', { class: 'panel', key: 'permits' }, h('h2', {}, 'In use'),
    meter({ label: 'Permits', used: one.running, max: one.concurrency_limit, text: `${one.running} of ${one.concurrency_limit}` }),
    isReduced && h('p', { class: 'muted small' }, `Reduced from ${one.concurrency_max}: the limit follows the latency.`),
    meter({ label: 'Queue', used: one.queued, max: all.queue_length_max, text: `${one.queued} of ${count(all.queue_length_max)}` }),
    meter({ label: 'Streams', used: one.streaming, max: all.streams_max, text: `${one.streaming} of ${count(all.streams_max)}` }));
}

const UNITS = [['_max_mib', 'MiB'], ['_max_kib', 'KiB'], ['_max_ms', 'ms'], ['_ms', 'ms']];

function limits(all) {
  const shown = Object.entries(all).filter(([, value]) => value !== null).map(([name, value]) => {
    const unit = UNITS.find(([end]) => name.endsWith(end))?.[1] ?? '';
    return h('div', {}, h('dt', {}, h('code', {}, name)), h('dd', { class: 'number' }, `${count(value)} ${unit}`.trim()));
  });
  return h('section', { class: 'panel', key: 'limits' }, h('h2', {}, 'Limits in force'), h('dl', { class: 'limits', testid: 'limits' }, shown));
}

const KINDS = { http: 'request', link: 'link', chained: 'HTTP', schedule: 'schedule', delivery: 'delivery', message: 'message', store: 'store', outbound: 'other host', publish: 'publish' };

function section(title, name, rows, empty, redraw) {
  return h('section', { class: 'panel flush', key: name }, h('div', { class: 'panel-head' }, h('h2', {}, title)), table({
    name, caption: title, rows, redraw, key: ({ key }) => key, empty,
    columns: [
      { head: 'Operation', cell: ({ route }) => route, value: ({ route }) => route },
      { head: 'Kind', kind: 'wide', cell: ({ kind, caller }) => [KINDS[kind] ?? kind, caller && ` from ${caller}`], value: ({ kind }) => kind },
      ...figureColumns(),
      { head: 'Calls', kind: 'number', cell: ({ calls }) => count(calls.count), value: ({ calls }) => calls.count },
      { head: 'Results', kind: 'wide', cell: ({ calls }) => Object.entries(calls.outcomes).map(([result, n]) => `${result} ${count(n)}`).join(', ') },
    ],
  }));
}
