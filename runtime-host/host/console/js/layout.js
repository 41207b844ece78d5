// The places of nodes in a graph of calls: in layers from left to right, by the distance from
// clients, and ordered so that few edges cross. Pure functions.

/** How often the order within layers is improved. */
const SWEEPS = 8;

/**
 * @param {Array<{id: string, layer?: 'first'|'last', height: number}>} nodes
 * @param {Array<{from: string, to: string, isWeak?: boolean}>} edges a weak one says nothing about
 *   what is left of what
 * @param {{width: number, gapX: number, gapY: number}} sizes
 * @returns {{width: number, height: number, places: Map<string, {x: number, y: number}>, paths: Map<string, Array<{x: number, y: number}>>}}
 *   the centers of the nodes, and the points between two nodes that an edge passes through
 */
export function layout(nodes, edges, { width, gapX, gapY }) {
  const layers = assign(nodes, edges);
  const { columns, neighbors, chains } = split(nodes, edges, layers);
  order(columns, neighbors);
  const ys = vertical(columns, neighbors, gapY);
  const x = (layer) => layer * (width + gapX) + width / 2;
  const places = new Map();
  const bends = new Map();
  columns.forEach((column, layer) => column.forEach((item) => {
    (item.isBend ? bends : places).set(item.id, { x: x(layer), y: ys.get(item.id) });
  }));
  const paths = new Map([...chains].map(([edge, ids]) => [edge, ids.map((id) => bends.get(id))]));
  const bottoms = columns.flat().map((item) => ys.get(item.id) + item.height / 2);
  return { width: Math.max(width, columns.length * (width + gapX) - gapX), height: Math.max(0, ...bottoms), places, paths };
}

export const pathKey = (from, to) => `${from} ${to}`;

/** The layer of each node: its distance from clients, along edges that are not weak. */
export function assign(nodes, edges) {
  const next = new Map(nodes.map(({ id }) => [id, []]));
  const called = new Set();
  for (const { from, to, isWeak } of edges) {
    if (isWeak || from === to || !next.has(from) || !next.has(to)) continue;
    next.get(from).push(to);
    called.add(to);
  }
  const layers = new Map(nodes.filter(({ layer }) => layer === 'first').map(({ id }) => [id, 0]));
  const inner = nodes.filter(({ layer }) => layer === undefined).map(({ id }) => id);
  const isInner = new Set(inner);
  const visit = (queue) => {
    for (const id of queue) {
      for (const to of next.get(id)) {
        if (layers.has(to) || !isInner.has(to)) continue;
        layers.set(to, layers.get(id) + 1);
        queue.push(to);
      }
    }
  };
  visit([...layers.keys()]);
  // What clients do not reach is at the left, and what it calls is to the right of it.
  for (const id of [...inner.filter((one) => !called.has(one)), ...inner]) {
    if (layers.has(id)) continue;
    layers.set(id, 1);
    visit([id]);
  }
  const last = Math.max(0, ...layers.values()) + 1;
  for (const { id, layer } of nodes) if (layer === 'last') layers.set(id, last);
  return layers;
}

/** Layers as lists. An edge over several layers has a bend in each of those between. */
function split(nodes, edges, layers) {
  const columns = Array.from({ length: Math.max(0, ...layers.values()) + 1 }, () => []);
  const neighbors = new Map();
  const chains = new Map();
  const connect = (a, b) => {
    neighbors.set(a, [...(neighbors.get(a) ?? []), b]);
    neighbors.set(b, [...(neighbors.get(b) ?? []), a]);
  };
  for (const node of nodes) columns[layers.get(node.id)].push(node);
  for (const { from, to } of edges) {
    const [first, last] = [layers.get(from), layers.get(to)];
    if (first === undefined || last === undefined || chains.has(pathKey(from, to))) continue;
    const ids = [];
    for (let layer = first + 1; layer < last; layer += 1) {
      const id = `${pathKey(from, to)} ${layer}`;
      columns[layer].push({ id, height: 6, isBend: true });
      ids.push(id);
    }
    chains.set(pathKey(from, to), ids);
    [from, ...ids, to].reduce((a, b) => { if (a !== b) connect(a, b); return b; });
  }
  return { columns: columns.filter((column) => column.length > 0), neighbors, chains };
}

/** Orders each layer by the middle of the neighbors, from left to right and back. */
function order(columns, neighbors) {
  const position = new Map();
  const number = (column) => column.forEach(({ id }, i) => position.set(id, i / Math.max(1, column.length - 1)));
  columns.forEach(number);
  for (let sweep = 0; sweep < SWEEPS; sweep += 1) {
    const all = sweep % 2 === 0 ? columns : columns.toReversed();
    for (const column of all) {
      const middle = new Map(column.map(({ id }) => [id, mean((neighbors.get(id) ?? []).map((one) => position.get(one))) ?? position.get(id)]));
      column.sort((a, b) => middle.get(a.id) - middle.get(b.id));
      number(column);
    }
  }
}

/** The height of each node: near its neighbors, without overlaps. */
function vertical(columns, neighbors, gapY) {
  const ys = new Map();
  for (const column of columns) {
    let y = 0;
    for (const { id, height } of column) { ys.set(id, y + height / 2); y += height + gapY; }
    for (const { id } of column) ys.set(id, ys.get(id) - y / 2);
  }
  for (let sweep = 0; sweep < SWEEPS; sweep += 1) {
    for (const column of sweep % 2 === 0 ? columns : columns.toReversed()) {
      const wanted = column.map(({ id }) => mean((neighbors.get(id) ?? []).map((one) => ys.get(one))) ?? ys.get(id));
      settle(column, wanted, gapY).forEach((y, i) => ys.set(column[i].id, y));
    }
  }
  const top = Math.min(...columns.flat().map(({ id, height }) => ys.get(id) - height / 2));
  for (const [id, y] of ys) ys.set(id, y - top);
  return ys;
}

/** Places as near as possible to those that are wanted, in this order and without overlaps. */
function settle(column, wanted, gapY) {
  const room = (i) => (column[i - 1].height + column[i].height) / 2 + gap(column[i - 1], column[i], gapY);
  const down = wanted.slice();
  for (let i = 1; i < down.length; i += 1) down[i] = Math.max(down[i], down[i - 1] + room(i));
  const up = wanted.slice();
  for (let i = up.length - 2; i >= 0; i -= 1) up[i] = Math.min(up[i], up[i + 1] - room(i + 1));
  return down.map((y, i) => (y + up[i]) / 2);
}

/** The space between two items of a layer. Lines need less of it than nodes. */
const gap = (a, b, gapY) => (a.isBend || b.isBend ? gapY / 2 : gapY);

const mean = (numbers) => (numbers.length > 0 ? numbers.reduce((a, b) => a + b, 0) / numbers.length : null);
