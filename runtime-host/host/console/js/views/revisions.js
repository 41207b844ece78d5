// Revisions of components: which ones serve calls, rollouts in progress, and what happened.

import { address, post } from '../api.js';
import { badge } from '../chart.js';
import { dialog, h } from '../dom.js';
import { age, bytes, count, digest, duration, number, percent, time } from '../format.js';
import { field } from '../forms.js';
import { linkTo } from '../router.js';
import { table } from '../table.js';
import { change } from './events.js';

/** Entries of the history that are shown. */
const HISTORY_MAX = 100;
/** The longest name that the host accepts. */
const BY_MAX = 256;

/** Who uses the console, for the history, until the page is loaded again. */
let author = '';

export const revisions = {
  wide: true,
  title: () => 'Revisions',
  load: ({ get, signal }) => get('/revisions', { signal }),
  render({ components }, { heading, redraw, reload, application }) {
    const rollouts = components.filter((one) => one.rollout);
    return [
      heading,
      h('p', { class: 'muted', key: 'intro' }, 'A candidate gets a growing share of the calls, and is rolled back by itself if it is worse than the stable revision.'),
      rollouts.map((one) => rollout(one, application.at_ms, reload)),
      h('section', { class: 'panel flush', key: 'live' }, h('div', { class: 'panel-head' }, h('h2', {}, 'In service')), inService(components, redraw, reload)),
      h('section', { class: 'panel flush', key: 'history' }, h('div', { class: 'panel-head' }, h('h2', {}, 'What happened')), happened(components, redraw)),
    ];
  },
};

const name = (revision, testid) => h('code', { title: revision, testid }, digest(revision));
const componentLink = (id) => h('a', { href: linkTo('components', id) }, id);
const latest = ({ history }, isWanted) => history.findLast(isWanted);
const byWhom = (entry) => (entry?.by ? ` by ${entry.by}` : '');

function rollout(one, now, reload) {
  const { id, stable, rollout: { candidate, is_ready: isReady, waits, share_percent: share, plan, step, measured, began_at_ms: began } } = one;
  const deployed = latest(one, ({ revision, event }) => revision === candidate && event === 'deployed');
  return h('section', { class: 'panel stack', key: `rollout-${id}`, testid: 'rollout', 'aria-label': `Rollout of ${id}` },
    h('div', { class: 'row' },
      h('h2', {}, componentLink(id)), name(stable), '→', name(candidate, 'candidate'),
      !isReady ? badge('being compiled', 'plain', { testid: 'rollout-state' })
        : waits ? badge('waits for its promotion', 'warn', { testid: 'rollout-state' })
          : badge(`${share} % of the calls`, 'good', { testid: 'rollout-state' }),
      h('span', { class: 'muted' }, `deployed ${age(now - began)} ago${byWhom(deployed)}`)),
    h('ol', { class: 'steps' }, plan.map((text, i) => h('li', { key: `${id}-step-${i}`, class: i < step ? 'done' : null, 'aria-current': i === step ? 'step' : null }, text))),
    compared(id, measured),
    h('p', { class: 'muted small', testid: 'verdict' }, verdict(measured.candidate, isReady)),
    h('div', { class: 'row' },
      isReady && h('button', { type: 'button', class: 'button primary', testid: 'promote', onclick: () => promote(one, reload) }, 'Promote …'),
      h('button', { type: 'button', class: 'button', testid: 'roll-back', onclick: () => rollBack(one, reload) }, 'Roll back …')));
}

function verdict({ calls }, isReady) {
  if (!isReady) return 'It gets no calls before it is compiled and linked.';
  if (calls === 0) return 'It has had no calls in this step so far.';
  return 'It is not worse so far, in this step.';
}

const milliseconds = (value) => (value === null ? '–' : duration(value / 1000));

function compared(id, { stable, candidate }) {
  return table({
    name: 'measured', caption: `Both revisions of ${id} in this step`, rows: [['Stable', stable], ['Candidate', candidate]], key: ([label]) => `${id} ${label}`, empty: '',
    columns: [
      { head: 'In this step', cell: ([label]) => label },
      { head: 'Calls', kind: 'number', cell: ([, { calls }]) => count(calls) },
      { head: 'Failed', kind: 'number', cell: ([, { calls, failures }]) => (calls > 0 ? percent(failures / calls) : '–') },
      { head: 'Median', kind: 'number', cell: ([, one]) => milliseconds(one.latency_p50_ms) },
      { head: '95 %', kind: 'number', cell: ([, one]) => milliseconds(one.latency_p95_ms) },
      { head: 'Memory', kind: 'number', cell: ([, one]) => bytes(one.memory_bytes) },
    ],
  });
}

/** The entry with which the present revision came into service; null if it was there from the start. */
function since({ history }) {
  let [candidate, began] = [null, null];
  for (const entry of history) {
    if (entry.event === 'deployed') candidate = entry.revision;
    else if (entry.event !== 'step') {
      // The end of a candidate changes nothing for the present revision.
      const isOfCandidate = entry.event === 'refused' || (entry.event === 'rolled-back' && entry.revision === candidate);
      if (!isOfCandidate) began = entry;
      candidate = null;
    }
  }
  return began;
}

function inService(components, redraw, reload) {
  return table({
    name: 'revisions', caption: 'Revisions in service', rows: components, redraw, key: ({ id }) => id, empty: 'No components.',
    columns: [
      { head: 'Component', cell: ({ id }) => componentLink(id), value: ({ id }) => id },
      { head: 'Revision', cell: ({ stable }) => name(stable, 'stable') },
      { head: 'Since', kind: 'wide', cell: (one) => (since(one) ? [h('span', { class: 'number' }, time(since(one).at_ms)), byWhom(since(one))] : 'the start'), value: (one) => since(one)?.at_ms ?? 0 },
      { head: 'Before', kind: 'wide', cell: ({ previous }) => (previous ? name(previous) : '–') },
      { head: 'Rollout', cell: (one) => (one.rollout ? badge(`${one.rollout.share_percent} %`, 'good') : '–'), value: (one) => one.rollout?.share_percent ?? -1 },
      { head: 'Action', cell: (one) => (one.previous && !one.rollout ? h('button', { type: 'button', class: 'button small', testid: 'roll-back', onclick: () => rollBack(one, reload) }, 'Roll back …') : '–') },
    ],
  });
}

function happened(components, redraw) {
  const all = components.flatMap(({ id, history }) => history.map((entry, i) => ({ ...entry, id, key: `${id} ${i} ${entry.at_ms}` })));
  return table({
    name: 'history', caption: 'What happened', rows: all.toSorted((a, b) => b.at_ms - a.at_ms).slice(0, HISTORY_MAX), redraw, key: ({ key }) => key, empty: 'All components have the code of the manifest.',
    columns: [
      { head: 'Time', cell: (entry) => h('span', { class: 'number' }, time(entry.at_ms)), value: ({ at_ms: at }) => at },
      { head: 'Component', cell: ({ id }) => componentLink(id), value: ({ id }) => id },
      { head: 'Revision', cell: ({ revision }) => name(revision) },
      { head: 'What', cell: what },
      { head: 'By', kind: 'wide', cell: ({ by }) => by || 'the host', value: ({ by }) => by ?? '' },
    ],
  });
}

/** What an entry says, with the reason. */
function what({ event, share_percent: share, detail, reason }) {
  switch (event) {
    case 'promoted': return badge('promoted', 'good');
    case 'step': return `gets ${share} % of the calls`;
    case 'refused': return [badge('refused', 'bad'), h('div', { class: 'small muted' }, detail)];
    case 'rolled-back': return [badge('rolled back', reason ? 'bad' : 'warn'), reason && h('div', { class: 'small muted' }, why(reason))];
    case 'started': return 'started with the host, from the manifest';
    default: return event;
  }
}

/** Why a candidate was worse. */
function why(reason) {
  switch (reason.measure) {
    case 'failures': return `${number(reason.candidate_percent)} % of its calls fail, and ${number(reason.stable_percent)} % of those of the stable revision`;
    case 'latency': return `the ${reason.quantile} of its latency is ${milliseconds(reason.candidate_ms)}, and ${milliseconds(reason.stable_ms)} that of the stable revision`;
    case 'memory': return `an instance has ${bytes(reason.candidate_bytes)} of memory, and one of the stable revision ${bytes(reason.stable_bytes)}`;
    default: return reason.measure;
  }
}

async function promote({ id, rollout: { candidate } }, reload) {
  const text = 'The candidate gets all calls at once. Calls that have begun end with the revision that they began with.';
  await decide({ id, of: candidate, verb: 'promote', title: `Promote ${digest(candidate)} of ${id}?`, text, yes: 'Promote' }, reload);
}

async function rollBack({ id, stable, previous, rollout: running }, reload) {
  const [of, text] = running
    ? [running.candidate, `The stable revision ${digest(stable)} gets all calls.`]
    : [stable, `The revision before, ${digest(previous)}, gets all calls.`];
  await decide({ id, of, verb: 'rollback', title: `Roll back ${digest(of)} of ${id}?`, text, yes: 'Roll back', danger: true }, reload);
}

/** Asks who decides; `of` is the revision that the operator sees, in case another one comes meanwhile. */
async function decide({ id, of, verb, title, text, yes, danger }, reload) {
  const form = await dialog({ title, danger, yes, body: [h('p', {}, text), field({ label: 'Your name, for the history', name: 'by', value: author, maxlength: BY_MAX })] });
  if (form === null) return;
  author = form.get('by').trim();
  const path = address(`/components/${encodeURIComponent(id)}/${verb}`, { of, by: author });
  await change(() => post(path), ({ revision }) => `${digest(revision)} has all calls of ${id}, or will as soon as it is loaded.`, reload);
}
