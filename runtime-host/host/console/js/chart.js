// Small charts without axes, and bars.

import { h, s } from './dom.js';

const WIDTH = 240;
const HEIGHT = 44;

/**
 * A figure with its name and its chart.
 * @param {{label: string, value: string, values?: number[][], describe?: Function, tone?: string, note?: string}} tile
 *   `values` are the lines of the chart; `describe` formats one of their values
 */
export function tile({ label, value, values = [], describe = String, tone = 'plain', note, testid }) {
  const highest = Math.max(0, ...values.flat().filter(Number.isFinite));
  return h('div', { class: 'tile', 'data-tone': tone, testid, key: `tile-${label}` },
    h('div', { class: 'tile-label' }, label),
    h('div', { class: 'tile-value' }, value),
    h('div', { class: 'tile-note', title: note }, note ?? ''),
    values.length > 0 && chart(values, highest, `${label}: highest of the last minutes ${describe(highest)}`));
}

function chart(lines, highest, label) {
  return s('svg', { class: 'chart', viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: 'none', role: 'img', 'aria-label': label },
    lines.map((values, i) => [
      i === lines.length - 1 && s('path', { class: 'chart-area', d: area(values, highest) }),
      s('path', { class: ['chart-line', `chart-line-${i}`], d: line(values, highest), 'vector-effect': 'non-scaling-stroke' }),
    ]));
}

/** The values that are known, as points. The newest is at the right edge. */
function points(values, highest) {
  const step = WIDTH / Math.max(30, values.length - 1);
  const scale = highest > 0 ? (HEIGHT - 4) / highest : 0;
  return values.map((value, i) => [WIDTH - (values.length - 1 - i) * step, Number.isFinite(value) ? HEIGHT - 1 - value * scale : null])
    .filter(([, y]) => y !== null);
}

const line = (values, highest) => points(values, highest).map(([x, y], i) => `${i === 0 ? 'M' : 'L'}${x.toFixed(1)} ${y.toFixed(1)}`).join('');

function area(values, highest) {
  const all = points(values, highest);
  if (all.length < 2) return '';
  return `${line(values, highest)}L${all.at(-1)[0].toFixed(1)} ${HEIGHT}L${all[0][0].toFixed(1)} ${HEIGHT}Z`;
}

/** A bar that shows how much of something is used. */
export function meter({ label, used, max, text }) {
  const share = max > 0 ? Math.min(1, used / max) : 0;
  const tone = share >= 0.9 ? 'bad' : share >= 0.7 ? 'warn' : 'good';
  return h('div', { class: 'meter', key: `meter-${label}` },
    h('span', { class: 'meter-label' }, label),
    h('span', { class: 'meter-bar', 'data-tone': tone, 'aria-hidden': 'true' }, h('span', { styles: { '--share': `${share * 100}%` } })),
    h('span', { class: 'meter-text number' }, text));
}

/** A short label with a color. */
export const badge = (text, tone = 'plain', props = {}) => h('span', { class: 'badge', 'data-tone': tone, ...props }, text);
