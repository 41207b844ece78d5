// The catalog: search, categories, prices, sort order, and loading of more products.

import { announce, h, picture, toast } from '../dom.js';
import { count, isSoldOut, money, stock } from '../format.js';
import { get, Problem } from '../api.js';
import { recommended, row } from '../recommended.js';
import * as cartStore from '../cart-store.js';
import * as router from '../router.js';

const PAGE_LENGTH = 24;

/** The values of `sort` in the URL, with their labels. The first is the default. */
const SORTS = [['', 'Best match'], ['price', 'Cheapest first'], ['-price', 'Most expensive first'], ['name', 'By name']];
/** Price ranges (from, to) in the shop's currency, in minor units. */
const CURRENCY = 'EUR';
const PRICES = [[0, 2_000], [2_000, 5_000], [5_000, 10_000], [10_000, null]];
const NAMES = ['q', 'category', 'sort', 'price'];

// The last listing, with all of its loaded pages: it is shown again when the user returns from a
// product.
let last = { address: '', items: [], cursor: null, total: null };

/** The URL of the current listing with changed parameters. */
function address(wanted, changes = {}) {
  const merged = { ...wanted, ...changes };
  const query = new URLSearchParams(NAMES.filter((name) => merged[name]).map((name) => [name, merged[name]]));
  return query.size > 0 ? `/?${query}` : '/';
}

function read(query) {
  const of = (name, allowed) => {
    const value = query.get(name)?.trim() ?? '';
    return !allowed || allowed.includes(value) ? value : '';
  };
  return {
    q: of('q'),
    category: of('category'),
    sort: of('sort', SORTS.map(([value]) => value)),
    price: of('price', PRICES.map(rangeName)),
  };
}

const rangeName = ([from, to]) => `${from / 100}-${to === null ? '' : to / 100}`;

function rangeLabel([from, to]) {
  const whole = (amount) => money({ amount, currency: CURRENCY }).replace(/[.,]00(?!\d)/, '');
  if (from === 0) return `Up to ${whole(to)}`;
  return to === null ? `${whole(from)} and more` : `${whole(from)} to ${whole(to)}`;
}

/** The filters of the listing, as parameters of the API. */
function filters({ q, price }) {
  const query = new URLSearchParams();
  if (q) query.set('q', q);
  const [from, to] = PRICES.find((range) => rangeName(range) === price) ?? [0, null];
  if (from > 0) query.set('price_min', from);
  if (to !== null) query.set('price_max', to);
  return query;
}

export async function products({ query, signal }) {
  const wanted = read(query);
  const current = address(wanted);
  const isCached = last.address === current && last.items.length > 0;
  const [listing, categories, recommendations] = await Promise.all([
    isCached ? last : fetchPage(wanted, null, signal),
    loadCategories(wanted, signal),
    current === '/' ? recommended('/api/v1/recommendations', signal) : [],
  ]);
  if (!isCached) last = { address: current, ...listing };
  const title = wanted.q ? `“${wanted.q}”` : categories.find(({ slug, name }) => isChosen(wanted, slug, name))?.name ?? wanted.category;
  return {
    title,
    node: [current === '/' && hero(), row(recommendations, 'for-you', 'For you'), chips(wanted, categories), list(wanted, title, signal)],
    onShown: scrollToChosen,
  };
}

async function fetchPage(wanted, cursor, signal) {
  const query = filters(wanted);
  query.set('limit', PAGE_LENGTH);
  if (wanted.category) query.set('category', wanted.category);
  if (wanted.sort) query.set('sort', wanted.sort);
  if (cursor) query.set('cursor', cursor);
  const page = await get(`/api/v1/products?${query}`, { signal });
  return { items: page.items, cursor: page.next_cursor, total: page.total ?? null, approximate: page.approximate === true };
}

/** The categories with their numbers of matching products. The shop works without them, so a
    failure only hides the chips. */
async function loadCategories(wanted, signal) {
  try {
    return (await get(`/api/v1/categories?${filters(wanted)}`, { signal })).items;
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    return [];
  }
}

const hero = () => h('section', { class: 'hero', 'aria-label': 'Welcome' },
  h('div', { class: 'hero-text' },
    h('h1', {}, 'Small pieces of a good day'),
    h('p', {}, 'Well-made things for the kitchen, the garden and the road, each chosen because it will still be here in ten years.')),
  h('img', { src: '/images/mosaic.svg', alt: '', width: 720, height: 420 }));

const isChosen = ({ category }, slug, name) => category === slug || category === name;

function chips(wanted, categories) {
  if (categories.length === 0) return null;
  const chip = (slug, name, n, chosen) => h('li', {}, h('a', {
    class: 'chip',
    href: address(wanted, { category: slug }),
    testid: slug ? `category-${slug}` : 'category-all',
    'aria-current': chosen ? 'true' : null,
  }, name, h('span', { class: 'chip-count' }, n, h('span', { class: 'visually-hidden' }, n === 1 ? ' product' : ' products'))));
  const all = categories.reduce((sum, { count: n }) => sum + n, 0);
  if (all === 0 && !wanted.category) return null;
  return h('nav', { 'aria-label': 'Categories' }, h('ul', { class: 'chips', id: 'categories' },
    chip('', 'Everything', all, !wanted.category),
    categories.filter(({ slug, name, count: n }) => n > 0 || isChosen(wanted, slug, name))
      .map(({ slug, name, count: n }) => chip(slug, name, n, isChosen(wanted, slug, name)))));
}

/** Scrolls the row of categories to the chosen one, which may be off screen. */
function scrollToChosen() {
  const row = document.getElementById('categories');
  const chip = row?.querySelector('[aria-current]');
  if (!chip) return;
  const { left, width } = chip.getBoundingClientRect();
  row.scrollLeft += left + width / 2 - row.getBoundingClientRect().left - row.clientWidth / 2;
}

function refine(wanted) {
  const choice = (name, label, options) => h('div', { class: 'choice' },
    h('label', { for: `choose-${name}` }, label),
    h('select', { class: 'select', id: `choose-${name}`, testid: `choose-${name}`, onchange: (event) => router.go(address(wanted, { [name]: event.currentTarget.value })) },
      options.map(([value, text]) => h('option', { value, selected: value === wanted[name] }, text))));
  return h('div', { class: 'refine' },
    choice('price', 'Price', [['', 'Any'], ...PRICES.map((range) => [rangeName(range), rangeLabel(range)])]),
    choice('sort', 'Sort by', SORTS));
}

function list(wanted, title, signal) {
  if (last.items.length === 0) return noResults(wanted);
  const top = last.address === '/' ? 2 : 1; // On the front page, the welcome is the first heading.
  const level = `h${top + 1}`;
  const grid = h('ul', { class: 'grid', testid: 'products' }, last.items.map((item) => card(item, level)));
  const shown = h('p', { class: 'muted small', testid: 'shown', role: 'status' });
  const more = h('button', { class: 'button outline', type: 'button', testid: 'more', onclick: fetchMore }, 'Show more');
  const update = () => {
    const all = last.total ?? last.items.length;
    shown.textContent = last.cursor ? `${last.items.length} of ${count(all, 'product')}` : count(last.items.length, 'product');
    more.hidden = !last.cursor;
  };
  async function fetchMore() {
    if (more.getAttribute('aria-busy') === 'true') return;
    more.setAttribute('aria-busy', 'true');
    try {
      const page = await fetchPage(wanted, last.cursor, signal);
      last.items.push(...page.items);
      last.cursor = page.cursor;
      const cards = page.items.map((item) => card(item, level));
      grid.append(...cards);
      cards[0]?.querySelector('a')?.focus({ preventScroll: true });
      announce(`${count(page.items.length, 'more product', 'more products')}.`);
      update();
    } catch (problem) {
      if (!signal.aborted) toast(problem instanceof Problem ? problem.userMessage : 'Something went wrong.');
    } finally {
      more.removeAttribute('aria-busy');
    }
  }
  update();
  const heading = h(`h${top}`, {}, title || 'Everything');
  return [
    h('div', { class: 'listing-head' }, h('div', {}, heading, shown), refine(wanted)),
    last.approximate && h('p', { class: 'notice', testid: 'approximate' }, `There are no exact matches for “${wanted.q}”. These are similar results.`),
    grid, h('div', { class: 'more' }, more)];
}

function noResults(wanted) {
  const narrowed = wanted.category || wanted.price;
  return h('div', { class: 'empty', testid: 'empty' },
    h('h1', {}, wanted.q ? `No results for “${wanted.q}”` : 'No products'),
    h('p', {}, narrowed ? 'There may be results in other categories or at other prices.' : 'Check the spelling, or try another word.'),
    h('a', { class: 'button outline', href: address(narrowed ? { q: wanted.q } : {}) }, narrowed && wanted.q ? 'Search everywhere' : 'Show everything'));
}

function card(product, level) {
  const { text, tone } = stock(product.available);
  const soldOut = isSoldOut(product.available);
  return h('li', { class: 'card', testid: 'product-card', 'data-sku': product.sku },
    h('div', { class: 'card-picture' }, picture(product)),
    h('div', { class: 'card-text' },
      h('p', { class: 'category' }, product.category),
      h(level, {}, h('a', { href: `/products/${encodeURIComponent(product.sku)}`, testid: 'product-link' }, product.name))),
    h('div', { class: 'card-foot' },
      h('p', {}, h('span', { class: 'price' }, money(product.price)), soldOut || tone === 'plain' ? h('span', { class: 'muted small' }, text) : null),
      h('button', {
        class: 'button outline small',
        type: 'button',
        testid: 'add-to-cart',
        disabled: soldOut,
        'aria-label': `Add ${product.name} to the cart`,
        onclick: (event) => addToCart(event.currentTarget, product, 1),
      }, 'Add')));
}

/** Adds a product to the cart, as far as it is available, and shows the result. */
export async function addToCart(button, product, quantity) {
  if (button.getAttribute('aria-busy') === 'true') return;
  button.setAttribute('aria-busy', 'true');
  try {
    const { before, after } = await cartStore.add(product, quantity);
    toast(resultMessage(product, quantity, before, after), { href: '/cart', text: 'See cart' });
  } catch (problem) {
    toast(problem instanceof Problem ? problem.userMessage : 'Something went wrong.');
  } finally {
    button.removeAttribute('aria-busy');
  }
}

function resultMessage(product, quantity, before, after) {
  const { name } = product;
  if (after === before + quantity) return `${name} is in your cart.`;
  const limit = cartStore.quantityLimit(product);
  const reason = limit === cartStore.QUANTITY_MAX ? `An order can contain at most ${limit} of ${name}.` : `We only have ${limit} of ${name}.`;
  return after > before ? `${reason} ${after} of them are in your cart now.` : `${reason} ${before === 1 ? 'It is' : 'They are'} in your cart already.`;
}
