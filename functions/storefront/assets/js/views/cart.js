// The page of the cart.

import { announce, empty, fill, h, picture, toast } from '../dom.js';
import { count, money, sum, times } from '../format.js';
import { Problem } from '../api.js';
import * as cartStore from '../cart-store.js';
import { forCart, row as recommendedRow } from '../recommended.js';
import * as session from '../session.js';
import * as tabs from '../tabs.js';

export async function cart({ signal }) {
  const page = h('div', { testid: 'cart' });
  const lines = await cartStore.load(signal);
  render(page, lines);
  const goesWith = h('div');
  if (lines.length > 0) {
    forCart(lines, signal).then((items) => fill(goesWith, recommendedRow(items, 'goes-with-cart', 'Goes well with your cart')), () => {});
  }
  // The page is updated after changes in other tabs.
  let reloading = null;
  tabs.subscribe('cart', () => {
    if (signal.aborted) return;
    reloading ??= cartStore.load(signal).then((lines) => render(page, lines), () => {}).finally(() => { reloading = null; });
  }, signal);
  return { title: 'Your cart', node: [page, goesWith] };
}

function render(page, lines) {
  if (lines.length === 0) {
    // Nothing goes with it.
    page.nextElementSibling?.replaceChildren();
    fill(page, empty('Your cart is empty', 'Products that you add are shown here.',
      h('a', { class: 'button', href: '/' }, 'Go to the shop')));
    return;
  }
  const itemCount = lines.reduce((n, line) => n + line.quantity, 0);
  const change = async (line, quantity) => {
    try {
      await cartStore.setQuantity(line.sku, quantity);
      render(page, await cartStore.load());
      announce(quantity > 0 ? `${line.product?.name ?? line.sku}: ${quantity}` : `${line.product?.name ?? line.sku} was removed.`);
      if (quantity === 0) focusHeading(page);
      else page.querySelector(`[data-sku="${CSS.escape(line.sku)}"] select`)?.focus();
    } catch (problem) {
      toast(problem instanceof Problem ? problem.userMessage : 'Something went wrong.');
    }
  };
  fill(page,
    h('div', { class: 'page-head' }, h('h1', {}, 'Your cart'), h('p', { class: 'muted' }, count(itemCount, 'item'))),
    h('div', { class: 'split' },
      h('ul', { class: 'lines' }, lines.map((line) => row(line, change))),
      summary(lines)));
}

function focusHeading(page) {
  const heading = page.querySelector('h1');
  heading?.setAttribute('tabindex', '-1');
  heading?.focus({ preventScroll: true });
}

function row(line, change) {
  const name = line.product?.name ?? line.sku;
  const limit = line.product ? cartStore.quantityLimit(line.product) : 0;
  const selectable = Math.max(line.quantity, limit);
  const quantity = h('select', {
    class: 'select',
    testid: 'cart-quantity',
    'aria-label': `Quantity of ${name}`,
    onchange: (event) => change(line, Number(event.currentTarget.value)),
  }, Array.from({ length: selectable }, (_, i) => i + 1).filter((n) => n <= limit || n === line.quantity)
    .map((n) => h('option', { value: n, selected: n === line.quantity, disabled: n > limit }, n)));
  const unavailable = line.product && cartStore.isUnavailable(line);
  return h('li', { class: 'line', testid: 'cart-line', 'data-sku': line.sku },
    picture(line.product ?? line),
    h('div', { class: 'stack' },
      h('div', {},
        h('p', { class: 'name' }, line.product ? h('a', { href: `/products/${encodeURIComponent(line.sku)}` }, name) : name),
        h('p', { class: 'muted small' }, line.product ? `${money(line.product.price)} each` : h('span', { class: 'badge', 'data-tone': 'bad' }, 'No longer available')),
        unavailable && h('p', { class: 'small', role: 'note', testid: 'short' }, h('span', { class: 'badge', 'data-tone': 'bad' },
          limit > 0 ? `Only ${limit} available` : 'Sold out'))),
      h('div', { class: 'controls' },
        line.product && quantity,
        unavailable && limit > 0 && h('button', { class: 'link small', type: 'button', testid: 'take-fewer', onclick: () => change(line, limit) }, `Take ${limit}`),
        h('button', { class: 'link small', type: 'button', testid: 'remove', 'aria-label': `Remove ${name}`, onclick: () => change(line, 0) }, 'Remove'))),
    h('p', { class: 'price' }, line.product && money(times(line.product.price, line.quantity))));
}

function summary(lines) {
  const total = sum(lines.filter((line) => line.product).map((line) => times(line.product.price, line.quantity)));
  return h('aside', { class: 'panel stack', 'aria-label': 'Summary' },
    h('h2', {}, 'Summary'),
    total && h('dl', { class: 'totals' },
      h('div', {}, h('dt', {}, 'Delivery'), h('dd', {}, 'Free')),
      h('div', { class: 'sum' }, h('dt', {}, 'Total'), h('dd', { class: 'number', testid: 'cart-total' }, money(total)))),
    !lines.some(cartStore.isUnavailable)
      ? h('a', { class: 'button wide', href: '/checkout', testid: 'checkout-link' }, 'Go to checkout')
      : h('p', { class: 'notice bad', testid: 'cart-blocked' }, 'Some items are not available in this quantity. Change the marked lines before you check out.'),
    !session.isSignedIn() && h('p', { class: 'muted small' }, 'You will be asked to sign in first. Your cart is kept.'));
}
