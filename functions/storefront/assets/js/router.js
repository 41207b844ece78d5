// Client-side routing: links and the search form change the URL and the content of <main> without a
// page load. Changes are announced to users of screen readers.

import { announce, fill, h, empty } from './dom.js';
import { Problem } from './api.js';
import * as session from './session.js';

/** The time after which the loading state of a page is shown. */
const LOADING_AFTER_MS = 250;

const routes = [];
let current = new AbortController();
let onShown = () => {};

/** Adds a page. `pattern` is a path like `/products/:sku`. The view gets `{params, query, signal}`
    and returns `{title, node, onShown}` or `{redirect}`; `onShown` is called when the node is in
    the document. */
export function route(pattern, view) {
  const names = [...pattern.matchAll(/:(\w+)/g)].map((match) => match[1]);
  const source = pattern.replace(/:\w+/g, '([^/]+)');
  routes.push({ expression: new RegExp(`^${source}/?$`), names, view });
}

/** Starts the router and shows the page of the current URL. `shown` is called after each page. */
export function start(shown) {
  onShown = shown;
  history.scrollRestoration = 'manual';
  document.addEventListener('click', onClick);
  document.addEventListener('submit', onSearch);
  addEventListener('popstate', (event) => show(event.state?.scroll ?? 0));
  addEventListener('scroll', storeScroll, { passive: true });
  return show(0);
}

/** Navigates to a path of the shop. */
export function go(address, { replace = false } = {}) {
  history[replace ? 'replaceState' : 'pushState']({ scroll: 0 }, '', address);
  return show(0);
}

/** Renders the current page again, at the same scroll position. */
export const reload = () => show(scrollY);

let scrollTimer = 0;
function storeScroll() {
  clearTimeout(scrollTimer);
  scrollTimer = setTimeout(() => history.replaceState({ ...history.state, scroll: scrollY }, ''), 150);
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

/** The path of the sign-in page, which returns to the current page afterwards. */
export const signInAddress = () =>
  `/sign-in?${new URLSearchParams({ then: location.pathname + location.search })}`;

function onSearch(event) {
  const search = event.target.closest('form[role=search]');
  if (!search) return;
  event.preventDefault();
  const text = new FormData(search).get('q').trim();
  go(text ? `/?${new URLSearchParams({ q: text })}` : '/');
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
  clearTimeout(scrollTimer);
  current.abort();
  current = new AbortController();
  const { signal } = current;
  const main = document.getElementById('main');
  const isFirst = !main.querySelector('.view');
  const page = find(location.pathname);
  const loadingTimer = setTimeout(() => { showLoading(main); }, LOADING_AFTER_MS);
  signal.addEventListener('abort', () => clearTimeout(loadingTimer), { once: true });
  let result;
  try {
    result = page
      ? await page.view({ params: page.params, query: new URLSearchParams(location.search), signal })
      : notFound();
  } catch (problem) {
    if (signal.aborted) return;
    result = errorPage(problem);
  }
  if (signal.aborted) return;
  clearTimeout(loadingTimer);
  main.removeAttribute('aria-busy');
  if (result.redirect) { go(result.redirect, { replace: true }); return; }
  document.title = result.title ? `${result.title} · Tessera` : 'Tessera';
  fill(main, h('div', { class: 'view' }, result.node));
  onShown(location.pathname);
  result.onShown?.();
  scrollTo({ top: scroll, behavior: 'instant' });
  if (!isFirst) {
    // The keyboard focus moves to the new page. Otherwise, it would be lost with the link.
    const heading = main.querySelector('h1') ?? main;
    heading.setAttribute('tabindex', '-1');
    heading.focus({ preventScroll: true });
    announce(result.title || 'All products');
  }
}

/** Dims the previous page and shows a progress line; without a previous page, placeholders. */
function showLoading(main) {
  main.setAttribute('aria-busy', 'true');
  announce('Loading.');
  if (main.querySelector('.view')) return;
  const placeholders = Array.from({ length: 8 }, () => h('div', { class: 'stack' },
    h('div', { class: 'skeleton picture' }), h('div', { class: 'skeleton' }), h('div', { class: 'skeleton short' })));
  fill(main, h('div', { class: 'grid', 'aria-hidden': 'true', testid: 'loading' }, placeholders));
}

const notFound = () => ({
  title: 'Page not found',
  node: empty('This page does not exist', 'The address may be misspelled, or the page was removed.',
    h('a', { class: 'button', href: '/' }, 'Go to the shop')),
});

function errorPage(problem) {
  if (!(problem instanceof Problem)) console.error(problem);
  const status = problem instanceof Problem ? problem.status : null;
  if (status === 404) return notFound();
  if (status === 401 && !session.isSignedIn()) return { redirect: signInAddress() };
  const message = status === null ? 'An error occurred on this page.' : problem.userMessage;
  return {
    title: 'Something went wrong',
    node: empty('Something went wrong', message,
      h('button', { class: 'button', type: 'button', testid: 'retry', onclick: reload }, 'Try again'),
      problem.traceId && h('p', { class: 'small' }, 'Reference for support: ', h('span', { class: 'mono' }, problem.traceId))),
  };
}
