// Policies of calls as they are in force, and the circuit breakers that they have made.

import { address, post } from '../api.js';
import { badge } from '../chart.js';
import { confirm, h } from '../dom.js';
import { count } from '../format.js';
import { isOpen } from '../graph.js';
import { linkTo } from '../router.js';
import { table } from '../table.js';
import * as token from '../token.js';
import { change } from './events.js';

export const policies = {
  wide: true,
  title: () => 'Policies',
  async load({ get, signal }) {
    const [effective, live] = await Promise.all([get('/policies', { signal }), get('/edges', { signal })]);
    return { effective: effective.policies, live: live.edges };
  },
  render({ effective, live }, { heading, redraw, reload, application }) {
    return [
      heading,
      h('section', { class: 'panel flush', key: 'live' }, h('div', { class: 'panel-head' }, h('h2', {}, 'Calls with a policy'), h('p', { class: 'muted' }, 'Since the start. A breaker exists as soon as there may have been a call.')), edges(live, redraw, reload)),
      !token.get() && live.some((edge) => edge.breaker) && token.form(application.state_dir),
      h('section', { class: 'panel flush', key: 'effective' }, h('div', { class: 'panel-head' }, h('h2', {}, 'Policies in force')), inForce(effective, redraw)),
    ];
  },
};

const name = ({ caller, callee, functions = [] }) => `${caller} ${callee} ${functions.join(' ')}`;
const withFunctions = (callee, functions) => [callee, functions?.length > 0 && h('div', { class: 'muted small' }, functions.join(', '))];

function edges(rows, redraw, reload) {
  return table({
    name: 'breakers', caption: 'Calls with a policy', rows, redraw, key: name, empty: 'No calls with a policy so far.',
    columns: [
      { head: 'Caller', cell: (row) => row.caller, value: (row) => row.caller },
      { head: 'Callee', cell: (row) => withFunctions(row.callee, row.functions), value: (row) => row.callee },
      { head: 'Policy', kind: 'wide', cell: (row) => row.policy, value: (row) => row.policy },
      { head: 'Breaker', cell: (row) => (row.breaker ? badge(row.breaker, isOpen(row.breaker) ? 'bad' : row.breaker === 'closed' ? 'good' : 'warn', { testid: 'breaker-state' }) : '–'), value: (row) => row.breaker ?? '' },
      { head: 'Switch', cell: (row) => (row.breaker && token.get() ? controls(row, reload) : '–') },
      { head: 'Permits', kind: 'wide', cell: (row) => (row.bulkhead ? `${row.bulkhead.running} running, ${row.bulkhead.queued} queued` : '–') },
      ...['attempts', 'failures', 'retries', 'hedges', 'refused'].map((counter) => ({
        head: counter[0].toUpperCase() + counter.slice(1), kind: `number${['attempts', 'failures'].includes(counter) ? '' : ' wide'}`, cell: (row) => count(row[counter]), value: (row) => row[counter],
      })),
    ],
  });
}

const MODES = [['automatic', 'Automatic'], ['open', 'Open'], ['closed', 'Closed']];
const modeOf = (breaker) => (breaker === 'forced-open' ? 'open' : breaker === 'forced-closed' ? 'closed' : 'automatic');

/** Who decides about a breaker: the results of calls, or the operator. */
function controls(row, reload) {
  return h('div', { class: 'segments', role: 'group', 'aria-label': `Circuit breaker of ${row.caller} for ${row.callee}` },
    MODES.map(([mode, label]) => h('button', { type: 'button', class: 'segment', 'aria-pressed': String(modeOf(row.breaker) === mode), testid: `breaker-${mode}`, onclick: () => set(row, mode, reload) }, label)));
}

async function set({ caller, callee, functions = [] }, mode, reload) {
  const effects = {
    open: 'No calls are made until you change it: they fail at once.',
    closed: 'All calls are made, whatever happens, until you change it.',
    automatic: 'From now on, the results of calls decide.',
  };
  const isWanted = mode === 'automatic' || await confirm({ title: `${mode === 'open' ? 'Open' : 'Close'} the breaker of ${caller} for ${callee}?`, text: effects[mode], yes: mode === 'open' ? 'Open it' : 'Close it', danger: mode === 'open' });
  if (isWanted) await change(() => post(address('/edges/breaker', { caller, callee, function: functions[0], mode })), () => `The breaker of ${caller} for ${callee} is ${mode}.`, reload);
}

function inForce(rows, redraw) {
  return table({
    name: 'policies', caption: 'Policies in force', rows, redraw, key: name, empty: 'This application has no policies.',
    columns: [
      { head: 'Caller', cell: (row) => (row.caller === 'outside' ? 'outside' : h('a', { href: linkTo('components', row.caller) }, row.caller)), value: (row) => row.caller },
      { head: 'Callee', cell: (row) => withFunctions(row.callee, row.functions), value: (row) => row.callee },
      { head: 'Policy', cell: (row) => row.policy, value: (row) => row.policy },
      { head: 'Rules', cell: (row) => row.rules.join(', ') || '–' },
    ],
  });
}
