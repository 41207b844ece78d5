// Faults that an operator injects.

import { post, remove } from '../api.js';
import { badge } from '../chart.js';
import { confirm, h, toast } from '../dom.js';
import { age, count } from '../format.js';
import { field, values } from '../forms.js';
import * as history from '../history.js';
import { table } from '../table.js';
import * as token from '../token.js';
import { change } from './events.js';

/** The members of each target: name, label, hint. The first one is required. */
const TARGETS = {
  call: ['Calls of a component', [['to', 'Called component'], ['from', 'Calling component', 'or outside'], ['operation', 'Operation', 'GET /products/:id, or stock.find']]],
  host: ['Requests to another host', [['host', 'Host'], ['from', 'Calling component']]],
  store: ['Operations on a store', [['label', 'Store'], ['access', 'Operations', null, [['any', 'all'], ['read', 'reads'], ['write', 'writes']]]]],
  publish: ['Events that are published', [['event_type', 'Event type']]],
  delivery: ['Deliveries of events', [['subscription', 'Subscription']]],
};
const EFFECTS = [['latency', 'Latency'], ['error', 'Error'], ['trap', 'Trap'], ['hang', 'Hang'], ['lost-answer', 'Lost answer'], ['duplicate', 'Duplicate'], ['reorder', 'Reorder']];
const ONLY_FOR = { trap: 'call', duplicate: 'delivery', reorder: 'delivery' };

let chosen = { target: 'call', effect: 'latency' };

export const chaos = {
  title: () => 'Chaos',
  load: async ({ application, get, signal }) => (application.has_chaos ? get('/faults', { signal }) : null),
  render(data, { heading, redraw, reload, application }) {
    if (!data) {
      return [heading, h('div', { class: 'notice', testid: 'no-chaos', key: 'none' },
        h('p', {}, 'This host was started without ', h('code', {}, '--chaos'), ', so no faults can be injected, and no request can change that.'),
        h('p', {}, 'To find out what the application does when something fails, start a host for tests like this:'), h('pre', { class: 'command', tabindex: '0' }, 'tessera up --chaos'))];
    }
    return [
      heading,
      h('section', { class: 'panel flush', key: 'active' },
        h('div', { class: 'panel-head' }, h('h2', {}, 'Active faults'), token.get() && data.faults.length > 0 && h('button', { type: 'button', class: 'button small', testid: 'remove-all', onclick: () => removeAll(reload) }, 'Remove all')),
        list(data.faults, redraw, reload)),
      token.get() ? add(redraw, reload) : token.form(application.state_dir),
    ];
  },
};

const target = ({ kind, ...members }) => [TARGETS[kind]?.[0] ?? kind, h('div', { class: 'muted small' }, Object.entries(members).filter(([, value]) => value !== '*' && value !== 'any').map(([name, value]) => `${name.replace('_', ' ')} ${value}`).join(', '))];
const effect = ({ kind, min_ms: min, max_ms: max }) => (kind === 'latency' ? `latency, ${count(min)} to ${count(max)} ms` : kind);

function list(rows, redraw, reload) {
  return table({
    name: 'faults', caption: 'Active faults', rows, redraw, key: ({ id }) => String(id), empty: 'No fault is active.',
    columns: [
      { head: 'Target', cell: (row) => target(row.target) },
      { head: 'Effect', cell: (row) => badge(effect(row.effect), 'warn') },
      { head: 'Rate', kind: 'number', cell: (row) => `${row.rate_percent} %` },
      { head: 'Injected', kind: 'number', cell: (row) => count(row.injected) },
      { head: 'Ends in', kind: 'number', cell: (row) => age(row.remaining_ms) },
      { head: 'Remove', cell: ({ id }) => (token.get() ? h('button', { type: 'button', class: 'button small', testid: 'remove-fault', onclick: () => change(() => remove(`/faults/${id}`), () => 'The fault was removed.', reload) }, 'Remove') : '–') },
    ],
  });
}

function add(redraw, reload) {
  const [, members] = TARGETS[chosen.target];
  const effects = EFFECTS.filter(([kind]) => !ONLY_FOR[kind] || ONLY_FOR[kind] === chosen.target);
  const choose = (name) => (event) => { chosen = { ...chosen, [name]: event.target.value }; if (!effects.some(([kind]) => kind === chosen.effect)) chosen.effect = 'error'; redraw(); };
  const ids = [...(history.latest()?.components.keys() ?? [])];
  return h('section', { class: 'panel', key: 'add' }, h('h2', {}, 'Inject a fault'),
    h('form', { class: 'stack', testid: 'fault-form', key: 'fault-form', onsubmit: (event) => inject(event, reload) },
      h('div', { class: 'fields' },
        field({ label: 'Target', name: 'target', value: chosen.target, options: Object.entries(TARGETS).map(([kind, [label]]) => [kind, label]), onchange: choose('target') }),
        members.map(([name, label, hint, options], i) => field({ label, name, hint: i > 0 && !options ? hint ?? 'empty for all' : hint, options, required: i === 0, list: ['to', 'from'].includes(name) ? 'component-ids' : null }))),
      h('datalist', { id: 'component-ids' }, ids.map((id) => h('option', { value: id }))),
      h('div', { class: 'fields' },
        field({ label: 'Effect', name: 'effect', value: chosen.effect, options: effects, onchange: choose('effect') }),
        chosen.effect === 'latency' && [field({ label: 'At least (ms)', name: 'min_ms', type: 'number', min: 0, max: 600_000, value: 100, required: true }), field({ label: 'At most (ms)', name: 'max_ms', type: 'number', min: 0, max: 600_000, value: 300, required: true })],
        field({ label: 'Share of operations (%)', name: 'rate_percent', type: 'number', min: 0.1, max: 100, step: 'any', value: 100, required: true }),
        field({ label: 'For (seconds)', name: 'seconds', type: 'number', min: 1, max: 3600, value: 60, required: true })),
      h('p', { class: 'muted small' }, 'Names match exactly, or, with * at their end, what begins like them. Each fault ends by itself.'),
      h('div', { class: 'row' }, h('button', { class: 'button danger', type: 'submit', testid: 'add-fault' }, 'Inject the fault'))));
}

async function inject(event, reload) {
  event.preventDefault();
  const given = values(event.target);
  const { target: kind, effect: what } = given;
  const names = TARGETS[kind][1].map(([name]) => name);
  const members = Object.fromEntries(names.filter((name) => given[name]).map((name) => [name, given[name]]));
  const latency = what === 'latency' ? { min_ms: Number(given.min_ms), max_ms: Number(given.max_ms) } : {};
  const fault = { target: { kind, ...members }, effect: { kind: what, ...latency }, rate_percent: Number(given.rate_percent), duration_ms: Math.round(Number(given.seconds) * 1000) };
  await change(() => post('/faults', fault), ({ id }) => `Fault ${id} is active.`, reload);
}

async function removeAll(reload) {
  if (!await confirm({ title: 'Remove all faults?', text: 'All of them end now.', yes: 'Remove all' })) return;
  try { await remove('/faults'); toast('All faults were removed.', 'good'); } catch (problem) { toast(problem.message, 'bad'); }
  await reload();
}
