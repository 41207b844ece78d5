// The readings of the last minutes: figures are differences between two of them, and charts show
// all of them.

import { difference, figures, sum } from './rates.js';

/** Readings that are kept: three minutes. */
const READINGS_MAX = 90;
/** The period of the figures. */
const PERIOD_MS = 10_000;

let readings = [];

/** Adds a reading. A host that was started again has a new history. */
export function add({ application, components, topology }) {
  if (readings.at(-1)?.application.started_at_ms !== application.started_at_ms) readings = [];
  const reading = {
    application,
    at: components.at_ms,
    bounds: components.bounds_s,
    components: new Map(components.components.map((one) => [one.id, one])),
    edges: new Map(topology.edges.map((edge) => [edgeKey(edge), edge])),
  };
  // The host reads its counters less often than it may be asked.
  if (readings.at(-1)?.at === reading.at) readings.pop();
  readings.push(reading);
  if (readings.length > READINGS_MAX) readings.shift();
}

export const latest = () => readings.at(-1) ?? null;

export const nodeKey = ({ kind, name }) => (name === undefined ? kind : `${kind}/${name}`);
const edgeKey = ({ from, to, kind }) => `${nodeKey(from)} ${nodeKey(to)} ${kind}`;

/** The reading with which one is compared: the oldest one of the period before it. */
function before(index) {
  const at = readings[index].at;
  let first = index;
  while (first > 0 && at - readings[first - 1].at <= PERIOD_MS) first -= 1;
  // After a longer pause, there is only an older one.
  return first < index ? readings[first] : readings[index - 1] ?? null;
}

/** The figures of calls. `pick` returns their counters in a reading. */
function compare(index, pick) {
  const [then, now] = [before(index), readings[index]];
  const calls = pick(now);
  if (!then || !calls) return figures({ count: 0, failed: 0, seconds: 0, buckets: [] }, 0, []);
  return figures(difference(pick(then), calls), (now.at - then.at) / 1000, now.bounds);
}

const outside = (reading) => sum([...reading.edges.values()].filter((edge) => edge.from.kind === 'outside').map((edge) => edge.calls));
const ofComponent = (id) => (reading) => reading.components.get(id)?.calls;
const ofEdge = (key) => (reading) => reading.edges.get(key)?.calls;

export const ofRequests = () => compare(readings.length - 1, outside);
export const component = (id) => compare(readings.length - 1, ofComponent(id));
export const edge = (key) => compare(readings.length - 1, ofEdge(key));

/** The figures of calls at each reading, oldest first. */
const series = (pick) => readings.map((_, index) => compare(index, pick)).slice(1);
export const seriesOfRequests = () => series(outside);
export const seriesOfComponent = (id) => series(ofComponent(id));

/** How much of a counter was used per second, at each reading. */
export function perSecond(pick) {
  return readings.map((reading, index) => {
    const then = before(index);
    if (!then) return null;
    return Math.max(0, pick(reading) - pick(then)) / ((reading.at - then.at) / 1000);
  }).slice(1);
}

/** The value of a gauge at each reading. */
export const values = (pick) => readings.map(pick);

/** For pages that poll counters of their own: the readings of a few seconds, by name. */
const others = new Map();

/** The calls of a list of counters since the first of its readings of the period. */
export function recent(name, at, counters) {
  const list = others.get(name)?.filter((one) => at - one.at <= PERIOD_MS && one.at < at) ?? [];
  const then = list[0];
  others.clear();
  others.set(name, [...list, { at, counters }]);
  const seconds = then ? (at - then.at) / 1000 : 0;
  return (key, bounds) => {
    const calls = counters.get(key);
    return then ? figures(difference(then.counters.get(key), calls), seconds, bounds) : figures({ ...calls, count: 0, buckets: [] }, 0, bounds);
  };
}
