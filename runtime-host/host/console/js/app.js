// The entry point: the pages, the state of the host in the header, and the poll that keeps them new.

import { Problem, get } from './api.js';
import { badge } from './chart.js';
import { fill, h, nodes } from './dom.js';
import { age } from './format.js';
import * as history from './history.js';
import { morph } from './morph.js';
import { poll } from './poll.js';
import * as router from './router.js';
import * as token from './token.js';
import { chaos } from './views/chaos.js';
import { component } from './views/component.js';
import { deadLetters } from './views/dead-letters.js';
import { events } from './views/events.js';
import { logs } from './views/logs.js';
import { overview } from './views/overview.js';
import { policies } from './views/policies.js';
import { revisions } from './views/revisions.js';
import { schedules } from './views/schedules.js';
import { trace } from './views/trace.js';
import { traces } from './views/traces.js';

router.route('/', overview);
router.route('/components/:id', component);
router.route('/traces', traces);
router.route('/traces/:id', trace);
router.route('/logs', logs);
router.route('/events', events);
router.route('/dead-letters', deadLetters);
router.route('/schedules', schedules);
router.route('/revisions', revisions);
router.route('/policies', policies);
router.route('/chaos', chaos);

const PAGES = [
  ['/', 'Topology'], ['/traces', 'Traces'], ['/logs', 'Logs'], ['/events', 'Events'],
  ['/dead-letters', 'Dead letters'], ['/schedules', 'Schedules'], ['/revisions', 'Revisions'], ['/policies', 'Policies'], ['/chaos', 'Chaos'],
];

const main = document.getElementById('main');

/** The page that is shown, what it has loaded, and the request that may be dropped. */
let page = null;
/** What the host says about itself; null while it does not respond. */
let host = null;
let isConnected = true;

const polling = poll(tick);

async function tick() {
  const current = page;
  try {
    const [application, readiness, components, topology] =
      await Promise.all(['/application', '/readyz', '/components', '/topology'].map((path) => get(path)));
    history.add({ application, components, topology });
    host = { application, readiness };
    isConnected = true;
    await load(current);
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    isConnected = problem.status !== 0;
  }
  renderFrame();
}

/** Loads what a page shows, unless another page is shown by then. */
async function load(current) {
  if (current !== page) return;
  try {
    const data = await current.view.load({ ...current, ...host, signal: current.control.signal, get });
    if (current !== page) return;
    current.state = { data };
  } catch (problem) {
    if (current !== page || current.control.signal.aborted) return;
    if (!(problem instanceof Problem)) throw problem;
    if (problem.status === 0) throw problem;
    current.state = { problem };
  }
  draw();
}

/** Draws the page from what it has loaded. */
function draw() {
  const title = page.view.title(page);
  document.title = host ? `${title} · ${host.application.name}` : title;
  morph(main, nodes([h('div', { class: ['view', page.view.wide && 'wide'], key: page.path }, content(title))]));
  if (page.isNew) {
    page.isNew = false;
    scrollTo({ top: 0, behavior: 'instant' });
  }
}

function content(title) {
  const { state, view } = page;
  const heading = h('h1', { tabindex: '-1', key: 'heading' }, title);
  if (!state) return [heading, h('p', { class: 'muted', key: 'loading' }, 'Loading …')];
  if (state.problem?.status === 401) return [heading, token.form(host.application.state_dir)];
  if (state.problem) return [heading, h('p', { class: 'notice bad', role: 'alert', testid: 'problem', key: 'problem' }, state.problem.message)];
  return view.render(state.data, { ...page, ...host, heading, redraw: draw, reload });
}

/** Loads the page again, after a change. */
async function reload() {
  try { await load(page); } catch { polling.now(); }
}

function open() {
  const found = router.find(location.hash);
  page?.control.abort();
  const isFirst = page === null;
  page = { ...(found ?? { view: missing, path: location.hash, params: {}, query: new URLSearchParams() }), control: new AbortController(), state: null, isNew: true };
  renderFrame();
  draw();
  if (!isFirst) main.querySelector('h1')?.focus({ preventScroll: true });
  if (host) reload();
}

const missing = {
  title: () => 'Page not found',
  load: async () => ({}),
  render: (_, { heading }) => [heading, h('p', {}, 'The console has no such page. ', h('a', { href: '#/' }, 'Go to the topology'))],
};

/** The header and the navigation. */
function renderFrame() {
  const path = page.path;
  morph(document.getElementById('pages'), nodes(PAGES.map(([to, text]) => h('a', {
    href: `#${to}`, key: to, 'aria-current': to === path ? 'page' : (to !== '/' && path.startsWith(`${to}/`)) || (to === '/' && path.startsWith('/components/')) ? 'true' : null,
  }, text))));
  document.getElementById('application').textContent = host?.application.name ?? 'Tessera';
  morph(document.getElementById('state'), nodes(state()));
  showBanner();
}

function state() {
  if (!host) return [];
  const { application, readiness } = host;
  const forget = () => token.forget();
  return [
    isConnected && readiness.status === 'pass' && badge('Ready', 'good', { testid: 'ready' }),
    isConnected && readiness.status !== 'pass' && badge('Not ready', 'bad', { title: readiness.notes.join('; '), testid: 'not-ready' }),
    !isConnected && badge('No connection', 'bad'),
    h('span', { class: 'muted wide-only' }, `up ${age(application.at_ms - application.started_at_ms)} · tessera ${application.host_version}`),
    application.has_chaos && h('a', { class: 'badge', 'data-tone': 'warn', href: '#/chaos' }, 'Chaos'),
    token.get() && h('button', { type: 'button', class: 'button small', onclick: forget, testid: 'forget-token', key: 'forget' }, 'Forget token'),
  ];
}

/** Says that the host does not respond, or that it is not ready, and why. */
function showBanner() {
  const old = document.getElementById('banner');
  const reasons = host && isConnected && host.readiness.status !== 'pass' ? host.readiness.notes : [];
  const text = !isConnected
    ? 'The host does not respond. This page shows what was last known, and continues by itself.'
    : reasons.length > 0 ? `The host is not ready: ${reasons.join('; ')}.` : null;
  if (!text) { old?.remove(); return; }
  if (old?.textContent === text) return;
  old?.remove();
  main.before(h('div', { id: 'banner', class: 'banner', role: 'alert', testid: 'banner' }, text));
}

document.getElementById('skip').onclick = () => main.focus();
token.onChange(() => { page.state = null; draw(); reload(); renderFrame(); });
addEventListener('hashchange', open);
fill(main);
open();
polling.now();
