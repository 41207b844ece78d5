// The picture of the topology: nodes as links, calls as curves between them.

import { s } from './dom.js';
import { duration, percent, rate, short } from './format.js';
import { layout, pathKey } from './layout.js';
import { linkTo } from './router.js';

const NODE = { width: 152, height: 52, gapX: 58, gapY: 10 };
const PLAIN_HEIGHT = 36;
const MARGIN = 14;
/** With more edges, their figures are shown for the chosen node only. */
const LABELED_EDGES_MAX = 14;
const NAMES = { outside: 'Clients', schedules: 'Schedules', events: 'Event log', channels: 'Redis channels' };

/** The name of a node for people. */
export const nodeName = ({ kind, name }) => NAMES[kind] ?? name;

/** The node under the pointer, or with the focus. */
let chosen = null;
let places = { key: '', result: null };

/** The layout, made again only if there is another node or another edge. */
function placed(nodes, edges) {
  const key = JSON.stringify([nodes.map(({ id }) => id), edges.map(({ from, to }) => [from, to])]);
  if (places.key !== key) places = { key, result: layout(nodes, edges, NODE) };
  return places.result;
}

/**
 * @param {Array<{id: string, node: Object, figures: Object, tone: string}>} nodes
 * @param {Array<{from: string, to: string, figures: Object, tone: string, breaker: string|null, isBack: boolean, isWeak: boolean}>} edges
 *   `isBack` edges lead to the left, and neither they nor `isWeak` ones say what is left of what
 */
export function graph(nodes, edges) {
  const sized = nodes.map((one) => ({
    ...one,
    height: one.node.kind === 'component' ? NODE.height : PLAIN_HEIGHT,
    layer: ['outside', 'schedules', 'channels'].includes(one.node.kind) ? 'first' : one.node.kind === 'component' ? undefined : 'last',
  }));
  const { width, height, places: at, paths } = placed(sized, edges.filter((edge) => !edge.isBack));
  const hasLabels = edges.length <= LABELED_EDGES_MAX;
  const byId = new Map(sized.map((one) => [one.id, one]));
  const drawn = edges.filter(({ from, to }) => at.has(from) && at.has(to))
    .map((edge) => ({ edge, points: points(edge, byId, at, paths) }));
  const viewBox = `${-MARGIN} ${-MARGIN - 10} ${width + 2 * MARGIN} ${height + 2 * MARGIN + 34}`;
  return s('svg', { class: ['graph', hasLabels && 'labeled', chosen && 'choosing'], viewBox, width: width + 2 * MARGIN, height: height + 2 * MARGIN + 34, key: 'graph', testid: 'graph', onpointerover: choose, onpointerout: choose, onfocusin: choose, onfocusout: choose },
    s('g', { class: 'edges', 'aria-hidden': 'true' }, drawn.map(({ edge, points: line }) => curve(edge, line))),
    s('g', { class: 'nodes' }, sized.map((one) => box(one, at.get(one.id)))),
    s('g', { class: 'labels', 'aria-hidden': 'true' }, drawn.map(({ edge, points: line }) => label(edge, line))));
}

/** From the right side of one node to the left side of another. */
function points({ from, to, isBack }, nodes, at, paths) {
  const [a, b] = [at.get(from), at.get(to)];
  const half = NODE.width / 2;
  if (a.x === b.x && !isBack) return { isSide: true, a: { x: a.x + half, y: a.y }, b: { x: b.x + half, y: b.y } };
  if (isBack || b.x < a.x) return { isBack: true, a: { x: a.x, y: a.y + nodes.get(from).height / 2 }, b: { x: b.x, y: b.y + nodes.get(to).height / 2 } };
  const bends = (paths.get(pathKey(from, to)) ?? []).flatMap(({ x, y }) => [{ x: x - half, y }, { x: x + half, y }]);
  return { isBack: false, line: [{ x: a.x + half, y: a.y }, ...bends, { x: b.x - half, y: b.y }] };
}

function path({ isBack, isSide, a, b, line }) {
  if (isSide) return `M${a.x} ${a.y}C${a.x + bulge(a, b)} ${a.y} ${b.x + bulge(a, b)} ${b.y} ${b.x} ${b.y}`;
  if (isBack) {
    const depth = Math.max(a.y, b.y) + 22 + Math.abs(a.x - b.x) / 40;
    return `M${a.x + 20} ${a.y}C${a.x + 20} ${depth} ${b.x + 20} ${depth} ${b.x + 20} ${b.y}`;
  }
  return line.slice(1).reduce((text, point, i) => {
    const last = line[i];
    const middle = (last.x + point.x) / 2;
    return `${text}C${middle} ${last.y} ${middle} ${point.y} ${point.x} ${point.y}`;
  }, `M${line[0].x} ${line[0].y}`);
}

/** How far the curve between two nodes of the same layer leads to the right. */
const bulge = (a, b) => Math.min(52, 22 + Math.abs(a.y - b.y) / 9);

/** The width of a line for this number of calls per second. */
const stroke = (perSecond) => (perSecond ? Math.min(6, 1.4 + Math.log10(1 + perSecond) * 1.4) : 1).toFixed(1);

const ends = ({ from, to }) => ({ 'data-from': from, 'data-to': to });
const isChosen = ({ from, to }) => chosen !== null && (from === chosen || to === chosen) && 'chosen';

function curve(edge, line) {
  return s('path', { class: ['edge', edge.isBack && 'back', edge.breaker && isOpen(edge.breaker) && 'open', isChosen(edge)], ...ends(edge), 'data-tone': edge.tone, d: path(line), 'stroke-width': stroke(edge.figures.perSecond), key: `${edge.key}`, testid: 'edge' });
}

export const isOpen = (breaker) => breaker === 'open' || breaker === 'forced-open';

/** The state of a breaker that is not closed is always shown, and all figures for the chosen node. */
function label(edge, line) {
  const isBroken = edge.breaker && edge.breaker !== 'closed';
  const { count, perSecond, p99, failedShare } = edge.figures;
  const text = [count > 0 ? `${rate(perSecond)} · ${duration(p99)}` : '0/s', failedShare > 0 && percent(failedShare)].filter(Boolean).join(' · ');
  const { x, y } = middle(line);
  const props = { ...ends(edge), 'data-tone': isBroken ? 'bad' : edge.tone };
  return [
    isBroken && plate(edge.breaker, { ...props, class: ['edge-label', 'always', isChosen(edge)], transform: `translate(${x} ${y})`, key: `breaker ${edge.key}` }),
    plate(text, { ...props, class: ['edge-label', isChosen(edge)], transform: `translate(${x} ${y + (isBroken ? 18 : 0)})`, key: `label ${edge.key}` }),
  ];
}

function plate(text, props) {
  const half = text.length * 3 + 5;
  return s('g', props, s('rect', { x: -half, y: -8, width: 2 * half, height: 16, rx: 4 }), s('text', { 'text-anchor': 'middle', y: 3.5 }, text));
}

function middle({ isBack, isSide, a, b, line }) {
  if (isSide) return { x: a.x + 0.75 * bulge(a, b), y: (a.y + b.y) / 2 };
  if (isBack) return { x: (a.x + b.x) / 2 + 20, y: Math.max(a.y, b.y) + 17 + Math.abs(a.x - b.x) / 53 };
  const last = line.length - 1;
  const [p, q] = [line[last - 1], line[last]];
  return { x: (p.x + q.x) / 2, y: (p.y + q.y) / 2 };
}

function box({ id, node, figures, tone, detail, height }, { x, y }) {
  const isComponent = node.kind === 'component';
  const name = short(nodeName(node), 21);
  const content = [
    s('rect', { class: 'node-box', x: -NODE.width / 2, y: -height / 2, width: NODE.width, height, rx: 8 }),
    s('rect', { class: 'node-tone', x: -NODE.width / 2, y: -height / 2, width: 4, height, rx: 2 }),
    s('text', { class: 'node-name', x: -NODE.width / 2 + 12, y: isComponent ? -10 : -2 }, name),
    isComponent && s('text', { class: 'node-text', x: -NODE.width / 2 + 12, y: 5 }, figures.count > 0 ? `${rate(figures.perSecond)} · ${percent(figures.failedShare)} failed` : 'no calls now'),
    isComponent && figures.count > 0 && s('text', { class: 'node-text', x: -NODE.width / 2 + 12, y: 19 }, `${duration(figures.p50)} · p99 ${duration(figures.p99)}`),
    !isComponent && s('text', { class: 'node-text', x: -NODE.width / 2 + 12, y: 13 }, detail),
  ];
  const props = { class: ['node', node.kind], 'data-id': id, 'data-tone': tone, transform: `translate(${x} ${y})`, key: `node ${id}`, testid: 'node' };
  return isComponent
    ? s('a', { ...props, href: linkTo('components', node.name) }, content)
    : s('g', props, content);
}

/** Shows the edges of the node under the pointer, or with the focus, and dims the others. */
function choose(event) {
  const svg = event.currentTarget;
  const isIn = event.type === 'pointerover' || event.type === 'focusin';
  const node = isIn ? event.target.closest('.node') : svg.querySelector('.node:focus-visible');
  chosen = node?.dataset.id ?? null;
  svg.classList.toggle('choosing', chosen !== null);
  for (const edge of svg.querySelectorAll('.edge, .edge-label')) edge.classList.toggle('chosen', Boolean(isChosen(edge.dataset)));
}
