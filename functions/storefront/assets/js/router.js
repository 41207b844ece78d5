// Real addresses without page loads: links and forms inside the shop change the address and the
// content of <main>; what the reader of a screen reader needs to know is said.

import { announce, fill, h, empty } from './dom.js';
import { Problem } from './api.js';

const routes = [];
let current = new AbortController();
let onArrive = () => {};

/** Adds a page. `pattern` is like `/products/:sku`; the view gets `{params, query, signal}`
    and returns `{title, node}`, or `{redirect}`. */
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
  let result;
  try {
    result = page
      ? await page.view({ params: page.params, query: new URLSearchParams(location.search), signal })
      : { title: 'Not found', node: missing() };
  } catch (problem) {
    if (signal.aborted) return;
    result = { title: 'Something went wrong', node: failed(problem) };
  }
  if (signal.aborted) return;
  if (result.redirect) { go(result.redirect, { replace: true }); return; }
  document.title = result.title ? `${result.title} · Tessera` : 'Tessera';
  fill(main, h('div', { class: 'view' }, result.node));
  onArrive(location.pathname);
  scrollTo({ top: scroll, behavior: 'instant' });
  if (!first) {
    // Whoever uses the keyboard goes on from the new page, not from where the link was.
    const heading = main.querySelector('h1') ?? main;
    heading.setAttribute('tabindex', '-1');
    heading.focus({ preventScroll: true });
    announce(result.title || 'All products');
  }
}

const missing = () => empty('This page does not exist', 'The address may have a typing mistake, or what was here is gone.',
  h('a', { class: 'button', href: '/' }, 'Go to the shop'));

function failed(problem) {
  if (!(problem instanceof Problem)) console.error(problem);
  if (problem instanceof Problem && problem.status === 404) return missing();
  const words = problem instanceof Problem ? problem.words : 'Something went wrong in this page.';
  return empty('That did not work', words,
    h('button', { class: 'button', type: 'button', testid: 'retry', onclick: reload }, 'Try again'),
    problem.traceId && h('p', { class: 'small' }, 'For our support: ', h('span', { class: 'mono' }, problem.traceId)));
}
