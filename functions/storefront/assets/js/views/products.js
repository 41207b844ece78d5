// The catalogue: search, categories, and more of it on demand.

import { announce, fill, h, picture, toast } from '../dom.js';
import { count, isSoldOut, money, stock } from '../format.js';
import { get, Problem } from '../api.js';
import { recommended, row } from '../recommended.js';
import * as basket from '../basket.js';

const PAGE_LENGTH = 24;

// The listing that was looked at last: coming back from a product finds it as it was, with
// everything that had been fetched.
let last = { address: '', items: [], cursor: null };
let categories = null;

const address = (q, category) => {
  const query = new URLSearchParams();
  if (q) query.set('q', q);
  if (category) query.set('category', category);
  return query.size > 0 ? `/?${query}` : '/';
};

export async function products({ query, signal }) {
  const q = query.get('q')?.trim() ?? '';
  const category = query.get('category') ?? '';
  const here = address(q, category);
  const home = !q && !category;
  const [listing, , liked] = await Promise.all([
    last.address === here && last.items.length > 0 ? last : fetchPage(q, category, null, signal),
    categories ?? loadCategories(signal),
    home ? recommended('/api/v1/recommendations', signal) : [],
  ]);
  if (last.address !== here || last.items.length === 0) last = { address: here, ...listing };
  const title = q ? `“${q}”` : category;
  return { title, node: [home && hero(), row(liked, 'for-you', 'For you'), chips(q, category), list(q, category, title, signal)] };
}

async function fetchPage(q, category, cursor, signal) {
  const query = new URLSearchParams({ limit: PAGE_LENGTH });
  if (q) query.set('q', q);
  if (category) query.set('category', category);
  if (cursor) query.set('cursor', cursor);
  const page = await get(`/api/v1/products?${query}`, { signal });
  return { items: page.items, cursor: page.next_cursor };
}

/** The categories; without them the shop still works, so a failure only hides the chips. */
async function loadCategories(signal) {
  try {
    const answer = await get('/api/v1/categories', { signal });
    const names = answer.items.map((entry) => entry.name);
    categories = names.length > 0 ? names : null; // A shop that is being filled has some in a moment.
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
  }
}

const hero = () => h('section', { class: 'hero', 'aria-label': 'Welcome' },
  h('div', { class: 'hero-words' },
    h('h1', {}, 'Small pieces of a good day'),
    h('p', {}, 'Well-made things for the kitchen, the garden and the road, each chosen because it will still be here in ten years.')),
  h('img', { src: '/images/mosaic.svg', alt: '', width: 720, height: 420 }));

function chips(q, category) {
  if (!categories?.length) return null;
  const chip = (name, text) => h('li', {}, h('a', {
    class: 'chip',
    href: address(q, name),
    testid: name ? `category-${name.toLowerCase().replace(/[^a-z0-9]+/g, '-')}` : 'category-all',
    'aria-current': name === category ? 'true' : null,
  }, text));
  return h('nav', { 'aria-label': 'Categories' },
    h('ul', { class: 'chips' }, chip('', 'Everything'), categories.map((name) => chip(name, name))));
}

function list(q, category, title, signal) {
  if (last.items.length === 0) return nothing(q, category);
  const grid = h('ul', { class: 'grid', testid: 'products' }, last.items.map(card));
  const shown = h('p', { class: 'muted small', testid: 'shown' });
  const more = h('button', { class: 'button outline', type: 'button', testid: 'more', onclick: fetchMore }, 'Show more');
  const update = () => {
    shown.textContent = `${count(last.items.length, 'product')}${last.cursor ? ' so far' : ''}`;
    more.hidden = !last.cursor;
  };
  async function fetchMore() {
    if (more.getAttribute('aria-busy') === 'true') return;
    more.setAttribute('aria-busy', 'true');
    try {
      const page = await fetchPage(q, category, last.cursor, signal);
      last.items.push(...page.items);
      last.cursor = page.cursor;
      const cards = page.items.map(card);
      grid.append(...cards);
      cards[0]?.querySelector('a')?.focus({ preventScroll: true });
      announce(`${count(page.items.length, 'more product', 'more products')}.`);
      update();
    } catch (problem) {
      if (!signal.aborted) toast(problem instanceof Problem ? problem.words : 'That did not work.');
    } finally {
      more.removeAttribute('aria-busy');
    }
  }
  update();
  const heading = h(q || category ? 'h1' : 'h2', {}, title || 'Everything');
  return [h('div', { class: 'listing-head' }, heading, shown), grid, h('div', { class: 'more' }, more)];
}

function nothing(q, category) {
  return h('div', { class: 'empty', testid: 'empty' },
    h('h1', {}, q ? `Nothing found for “${q}”` : 'Nothing here yet'),
    h('p', {}, category ? `There may be something in the other categories than ${category}.` : 'Try another word, or look through the categories.'),
    h('a', { class: 'button outline', href: category ? address(q, '') : '/' }, category && q ? 'Search everywhere' : 'Show everything'));
}

function card(product) {
  const { text, tone } = stock(product.available);
  const soldOut = isSoldOut(product.available);
  return h('li', { class: 'card', testid: 'product-card', 'data-sku': product.sku },
    h('div', { class: 'card-picture' }, picture(product)),
    h('div', { class: 'card-words' },
      h('p', { class: 'category' }, product.category),
      h('h3', {}, h('a', { href: `/products/${encodeURIComponent(product.sku)}`, testid: 'product-link' }, product.name))),
    h('div', { class: 'card-foot' },
      h('p', {}, h('span', { class: 'price' }, money(product.price)), soldOut || tone === 'plain' ? h('span', { class: 'muted small' }, ` · ${text}`) : null),
      h('button', {
        class: 'button quiet small',
        type: 'button',
        testid: 'add-to-cart',
        disabled: soldOut,
        'aria-label': `Add ${product.name} to the cart`,
        onclick: (event) => addToCart(event.currentTarget, product, 1),
      }, 'Add')));
}

/** Puts a product into the cart and says so. */
export async function addToCart(button, product, quantity) {
  if (button.getAttribute('aria-busy') === 'true') return;
  button.setAttribute('aria-busy', 'true');
  try {
    await basket.add(product.sku, quantity);
    toast(`${product.name} is in your cart.`, { href: '/cart', text: 'See cart' });
  } catch (problem) {
    toast(problem instanceof Problem ? problem.words : 'That did not work.');
  } finally {
    button.removeAttribute('aria-busy');
  }
}
