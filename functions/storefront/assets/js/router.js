// Real addresses without page loads: links and forms inside the shop change the address and the
// content of <main>; what the reader of a screen reader needs to know is said.

import { announce, fill, h, empty } from './dom.js';
import { Problem } from './api.js';
import * as session from './session.js';

/** After this time without content, a page shows that it is loading. */
const LOADING_AFTER_MS = 250;

const routes = [];
let current = new AbortController();
let onArrive = () => {};

/** Adds a page. `pattern` is like `/products/:sku`; the view gets `{params, query, signal}`
    and returns `{title, node, arrived}`, or `{redirect}`; `arrived` is called once the node is shown. */
export function route(pattern, view) {
  const names = [...pattern.matchAll(/:(\w+)/g)].map((match) => match[1]);
  const source = pattern.replace(/:\w+/g, '([^/]+)');
  routes.push({ expression: new RegExp(`^${source}/?$`), names, view });
}

/** Starts listening, and shows the page of the present address. */
export function start(arrive) {
  onArrive = arrive;
  history.scrollRestoration = 'manual';
  document.addEventListener('click', onClick);
  document.addEventListener('submit', onSearch);
  addEventListener('popstate', (event) => show(event.state?.scroll ?? 0));
  addEventListener('scroll', remember, { passive: true });
  return show(0);
}

/** Goes to an address of the shop. */
export function go(address, { replace = false } = {}) {
  history[replace ? 'replaceState' : 'pushState']({ scroll: 0 }, '', address);
  return show(0);
}

/** Shows the present page anew, where it is. */
export const reload = () => show(scrollY);

let remembering = 0;
function remember() {
  clearTimeout(remembering);
  remembering = setTimeout(() => history.replaceState({ ...history.state, scroll: scrollY }, ''), 150);
}

function onClick(event) {
  const link = event.target.closest('a[href]');
  if (!link || event.defaultPrevented || event.button !== 0) return;
  if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  if (link.target || link.dataset.external !== undefined || link.origin !== location.origin) return;
  if (link.hash && link.pathname === location.pathname) return;
  event.preventDefault();
  go(link.pathname + link.search);
}

/** The address of the sign-in page, which then leads back to the current address. */
export const signInAddress = () =>
  `/sign-in?${new URLSearchParams({ then: location.pathname + location.search })}`;

function onSearch(event) {
  const search = event.target.closest('form[role=search]');
  if (!search) return;
  event.preventDefault();
  const words = new FormData(search).get('q').trim();
  go(words ? `/?${new URLSearchParams({ q: words })}` : '/');
}

function find(path) {
  for (const { expression, names, view } of routes) {
    const match = expression.exec(path);
    if (!match) continue;
    try {
      return { view, params: Object.fromEntries(names.map((name, i) => [name, decodeURIComponent(match[i + 1])])) };
    } catch { return null; }
  }
  return null;
}

async function show(scroll) {
  clearTimeout(remembering);
  current.abort();
  current = new AbortController();
  const { signal } = current;
  const main = document.getElementById('main');
  const first = !main.querySelector('.view');
  const page = find(location.pathname);
  const waiting = setTimeout(() => { loading(main); }, LOADING_AFTER_MS);
  signal.addEventListener('abort', () => clearTimeout(waiting), { once: true });
  let result;
  try {
    result = page
      ? await page.view({ params: page.params, query: new URLSearchParams(location.search), signal })
      : missing();
  } catch (problem) {
    if (signal.aborted) return;
    result = failed(problem);
  }
  if (signal.aborted) return;
  clearTimeout(waiting);
  main.removeAttribute('aria-busy');
  if (result.redirect) { go(result.redirect, { replace: true }); return; }
  document.title = result.title ? `${result.title} · Tessera` : 'Tessera';
  fill(main, h('div', { class: 'view' }, result.node));
  onArrive(location.pathname);
  result.arrived?.();
  scrollTo({ top: scroll, behavior: 'instant' });
  if (!first) {
    // Whoever uses the keyboard goes on from the new page, not from where the link was.
    const heading = main.querySelector('h1') ?? main;
    heading.setAttribute('tabindex', '-1');
    heading.focus({ preventScroll: true });
    announce(result.title || 'All products');
  }
}

/** The previous page stays visible, dimmed under a progress line; on the first page, placeholders
    are shown. */
function loading(main) {
  main.setAttribute('aria-busy', 'true');
  announce('Loading.');
  if (main.querySelector('.view')) return;
  const bones = Array.from({ length: 8 }, () => h('div', { class: 'stack' },
    h('div', { class: 'bone picture' }), h('div', { class: 'bone' }), h('div', { class: 'bone short' })));
  fill(main, h('div', { class: 'grid', 'aria-hidden': 'true', testid: 'loading' }, bones));
}

const missing = () => ({
  title: 'Page not found',
  node: empty('This page does not exist', 'The address may be misspelled, or the page was removed.',
    h('a', { class: 'button', href: '/' }, 'Go to the shop')),
});

function failed(problem) {
  if (!(problem instanceof Problem)) console.error(problem);
  const status = problem instanceof Problem ? problem.status : null;
  if (status === 404) return missing();
  if (status === 401 && !session.isSignedIn()) return { redirect: signInAddress() };
  const words = status === null ? 'An error occurred on this page.' : problem.words;
  return {
    title: 'Something went wrong',
    node: empty('Something went wrong', words,
      h('button', { class: 'button', type: 'button', testid: 'retry', onclick: reload }, 'Try again'),
      problem.traceId && h('p', { class: 'small' }, 'For our support: ', h('span', { class: 'mono' }, problem.traceId))),
  };
}
