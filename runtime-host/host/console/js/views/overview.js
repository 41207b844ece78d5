// The topology: how all components call each other, and how well.

import { badge, tile } from '../chart.js';
import { h } from '../dom.js';
import { bytes, duration, number, percent, rate } from '../format.js';
import { graph, isOpen, nodeName } from '../graph.js';
import * as history from '../history.js';
import { tone } from '../rates.js';
import { linkTo } from '../router.js';
import { table } from '../table.js';

/** Which edges the picture shows, by kind; all of them are in the table. */
const hiddenKinds = new Set(['schedules']);
const KINDS = [['calls', 'Calls', ['http', 'link', 'chained', 'message']], ['events', 'Events', ['publish', 'delivery']], ['schedules', 'Schedules', ['schedule']], ['outbound', 'Other hosts', ['outbound']]];

export const overview = {
  wide: true,
  title: () => 'Topology',
  load: ({ get, signal }) => get('/edges', { signal }),
  render({ edges: policies }, { application, heading, redraw }) {
    const edges = allEdges(policies);
    return [
      heading, tiles(application),
      h('section', { class: 'panel flush', key: 'graph-panel', 'aria-labelledby': 'graph-title' },
        h('div', { class: 'panel-head' }, h('h2', { id: 'graph-title' }, 'Calls now'), h('div', { class: 'row' }, KINDS.map((kind) => toggle(kind, redraw)), legend())),
        h('div', { class: 'graph-scroll', tabindex: '0', role: 'region', 'aria-label': 'Picture of the topology; the tables below have the same figures' }, picture(edges))),
      h('section', { key: 'components-panel', class: 'panel flush' }, h('div', { class: 'panel-head' }, h('h2', {}, 'Components')), components(redraw)),
      h('section', { key: 'edges-panel', class: 'panel flush' }, h('div', { class: 'panel-head' }, h('h2', {}, 'Calls between them')), edgesTable('edges', edges, redraw)),
    ];
  },
};

function tiles(application) {
  const requests = history.ofRequests();
  const all = history.seriesOfRequests();
  const memory = history.values((reading) => reading.application.resident_memory_bytes);
  const cpu = history.perSecond((reading) => reading.application.cpu_seconds);
  return h('div', { class: 'tiles', key: 'tiles' },
    tile({ label: 'Requests', value: rate(requests.perSecond), values: [all.map((one) => one.perSecond)], describe: rate, testid: 'tile-requests' }),
    tile({ label: 'Failed', value: percent(requests.failedShare), tone: tone(requests), values: [all.map((one) => one.failedShare ?? 0)], describe: percent }),
    tile({ label: 'Latency p50', value: duration(requests.p50), values: [all.map((one) => one.p50)], describe: duration }),
    tile({ label: 'Latency p99', value: duration(requests.p99), values: [all.map((one) => one.p99)], describe: duration }),
    tile({ label: 'CPU', value: cpu.length > 0 ? `${number(cpu.at(-1) * 100)} %` : '–', note: 'of one core', values: [cpu], describe: (value) => `${number(value * 100)} %` }),
    tile({ label: 'Memory', value: bytes(application.resident_memory_bytes), note: `guests ${bytes(application.instance_memory_bytes)}`, values: [memory], describe: bytes }));
}

/** All edges with their figures and the state of their circuit breakers. */
function allEdges(policies) {
  const reading = history.latest();
  return [...(reading?.edges ?? [])].map(([key, edge]) => {
    const figures = history.edge(key);
    return { key, edge, figures, tone: tone(figures), from: history.nodeKey(edge.from), to: history.nodeKey(edge.to), breaker: breakerOf(policies, edge) };
  });
}

/** The most noticeable state of the breakers between two nodes; null if there is none. */
function breakerOf(policies, { from, to }) {
  const name = (node) => (node.kind === 'outside' ? 'outside' : node.name);
  const states = policies.filter((one) => one.caller === name(from) && one.callee === name(to)).map((one) => one.breaker).filter(Boolean);
  return ['forced-open', 'open', 'half-open', 'forced-closed', 'closed'].find((state) => states.includes(state)) ?? null;
}

function picture(edges) {
  const reading = history.latest();
  if (!reading) return null;
  const hidden = KINDS.filter(([name]) => hiddenKinds.has(name)).flatMap(([, , kinds]) => kinds);
  const shown = merged(edges.filter(({ edge }) => !hidden.includes(edge.kind)));
  const nodes = new Map([...reading.components.keys()].map((id) => [`component/${id}`, { kind: 'component', name: id }]));
  for (const { from, to, edge } of shown) { nodes.set(from, edge.from); nodes.set(to, edge.to); }
  return graph([...nodes].map(([id, node]) => {
    const figures = node.kind === 'component' ? history.component(node.name) : {};
    const here = shown.filter((one) => one.from === id || one.to === id);
    const perSecond = here.reduce((total, one) => total + (one.figures.perSecond ?? 0), 0);
    return { id, node, figures, detail: rate(perSecond), tone: node.kind === 'component' ? tone(figures) : 'plain' };
  }), shown);
}

/** One curve for each pair of nodes, with the figures of the busiest kind of calls. */
function merged(edges) {
  const pairs = new Map();
  for (const one of edges) {
    const key = `${one.from} ${one.to}`;
    const known = pairs.get(key);
    const worst = known && ['idle', 'good', 'warn', 'bad'].indexOf(known.tone) > ['idle', 'good', 'warn', 'bad'].indexOf(one.tone) ? known.tone : one.tone;
    const busiest = known && known.figures.count >= one.figures.count ? known : one;
    pairs.set(key, { ...busiest, key, tone: worst, isBack: one.edge.kind === 'delivery', isWeak: one.edge.kind === 'schedule' });
  }
  return [...pairs.values()];
}

function toggle([name, label], redraw) {
  const change = (event) => {
    if (event.target.checked) hiddenKinds.delete(name);
    else hiddenKinds.add(name);
    redraw();
  };
  return h('label', { class: 'check', key: `toggle-${name}` }, h('input', { type: 'checkbox', checked: !hiddenKinds.has(name), onchange: change }), h('span', {}, label));
}

const legend = () => h('ul', { class: 'legend', 'aria-label': 'Colors' }, [['good', 'no failures'], ['warn', 'some fail'], ['bad', '5 % fail, or breaker open'], ['idle', 'no calls']]
  .map(([name, text]) => h('li', { 'data-tone': name }, text)));

function components(redraw) {
  const rows = [...(history.latest()?.components.values() ?? [])].map((one) => ({ one, figures: history.component(one.id) }));
  return table({
    name: 'components', caption: 'Components', rows, redraw, key: ({ one }) => one.id, empty: 'No component runs.',
    columns: [
      { head: 'Component', cell: ({ one, figures }) => h('a', { class: 'state-link', 'data-tone': tone(figures), href: linkTo('components', one.id) }, one.id), value: ({ one }) => one.id },
      ...figureColumns(),
      { head: 'Running', kind: 'number', cell: ({ one }) => `${one.running} / ${one.concurrency_limit}`, value: ({ one }) => one.running },
      { head: 'Queued', kind: 'number', cell: ({ one }) => number(one.queued), value: ({ one }) => one.queued },
      { head: 'Instances', kind: 'number wide', cell: ({ one }) => number(one.instances.existing), value: ({ one }) => one.instances.existing },
      { head: 'Memory', kind: 'number wide', cell: ({ one }) => bytes(one.memory_bytes), value: ({ one }) => one.memory_bytes },
      { head: 'CPU time', kind: 'number wide', cell: ({ one }) => duration(one.cpu_seconds), value: ({ one }) => one.cpu_seconds },
      { head: 'Failures', kind: 'number wide', cell: ({ one }) => number(one.calls.failed), value: ({ one }) => one.calls.failed },
    ],
  });
}

/** The columns that all calls have. */
export const figureColumns = () => [
  { head: 'Rate', kind: 'number', cell: ({ figures }) => rate(figures.perSecond), value: ({ figures }) => figures.perSecond },
  { head: 'Failed', kind: 'number', cell: ({ figures }) => h('span', { class: 'tone-text', 'data-tone': tone(figures) }, percent(figures.failedShare)), value: ({ figures }) => figures.failedShare },
  { head: 'p50', kind: 'number', cell: ({ figures }) => duration(figures.p50), value: ({ figures }) => figures.p50 },
  { head: 'p99', kind: 'number', cell: ({ figures }) => duration(figures.p99), value: ({ figures }) => figures.p99 },
];

const nodeLink = (node) => (node.kind === 'component' ? h('a', { href: linkTo('components', node.name) }, node.name) : nodeName(node));
const KIND_NAMES = { http: 'requests', link: 'link', chained: 'HTTP', outbound: 'HTTP or database', schedule: 'schedule', publish: 'publishes', delivery: 'delivers', message: 'messages' };

/** Edges as a table: all that the picture shows, and the calls since the start. */
export function edgesTable(name, rows, redraw) {
  return table({
    name, caption: 'Calls between components, hosts and events', rows, redraw, key: ({ key }) => key, empty: 'No calls so far.',
    columns: [
      { head: 'From', cell: ({ edge }) => nodeLink(edge.from), value: ({ edge }) => nodeName(edge.from) },
      { head: 'To', cell: ({ edge }) => nodeLink(edge.to), value: ({ edge }) => nodeName(edge.to) },
      { head: 'Kind', kind: 'wide', cell: ({ edge }) => KIND_NAMES[edge.kind] ?? edge.kind, value: ({ edge }) => edge.kind },
      ...figureColumns(),
      { head: 'Breaker', cell: ({ breaker }) => (breaker ? badge(breaker, isOpen(breaker) ? 'bad' : breaker === 'closed' ? 'good' : 'warn') : h('span', { class: 'muted' }, '–')), value: ({ breaker }) => breaker ?? '' },
      { head: 'Calls', kind: 'number wide', cell: ({ edge }) => number(edge.calls.count), value: ({ edge }) => edge.calls.count },
    ],
  });
}

/** The edges that begin or end at a component. */
export const edgesOf = (id, policies) => allEdges(policies).filter(({ from, to }) => from === `component/${id}` || to === `component/${id}`);
