// Schedules and cron triggers: when they run, and how the last run ended.

import { badge } from '../chart.js';
import { h } from '../dom.js';
import { age, count, duration, time } from '../format.js';
import { link, linkTo } from '../router.js';
import { table } from '../table.js';

export const schedules = {
  title: () => 'Schedules',
  load: ({ get, signal }) => get('/schedules', { signal }),
  render: ({ schedules: rows }, { heading, redraw, application }) => [heading, h('section', { class: 'panel flush', key: 'list' }, list(rows, application.at_ms, redraw))],
};

function list(rows, now, redraw) {
  const what = (row) => row.path ?? row.trigger;
  return table({
    name: 'schedules', caption: 'Schedules', rows, redraw, key: (row) => `${row.component} ${what(row)}`, empty: 'This application has no schedules and no cron triggers.',
    columns: [
      { head: 'Component', cell: (row) => h('a', { href: linkTo('components', row.component) }, row.component), value: (row) => row.component },
      { head: 'Calls', cell: (row) => h('code', {}, row.path ? `POST ${row.path}` : row.trigger), value: what },
      { head: 'When', cell: (row) => (row.cron ? h('code', {}, row.cron) : `every ${age(row.every_ms)}`) },
      { head: 'Next run', cell: (row) => next(row, now), value: (row) => row.next_at_ms },
      { head: 'Last run', kind: 'wide', cell: (row) => h('span', { class: 'number' }, time(row.last?.started_at_ms)), value: (row) => row.last?.started_at_ms },
      { head: 'Took', kind: 'number wide', cell: (row) => (row.last ? duration(row.last.duration_us / 1e6) : '–'), value: (row) => row.last?.duration_us },
      { head: 'Result', cell: (row) => result(row) },
      { head: 'Runs', kind: 'number', cell: (row) => count(row.succeeded + row.failed), value: (row) => row.succeeded + row.failed },
      { head: 'Failed', kind: 'number', cell: (row) => count(row.failed), value: (row) => row.failed },
    ],
  });
}

function next({ running, next_at_ms: at, cron }, now) {
  if (running > 0 && !cron) return badge('running', 'good');
  if (at === null) return '–';
  return at <= now ? 'now' : `in ${age(at - now)}`;
}

function result({ last, component }) {
  if (!last) return '–';
  if (last.outcome === 'ok') return badge('ok', 'good');
  return [badge('failed', 'bad'), ' ', h('a', { href: link('/logs', { component }) }, 'log')];
}
