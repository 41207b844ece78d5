// The page of a product.

import { fill, h, picture } from '../dom.js';
import { isSoldOut, money, stock } from '../format.js';
import { get } from '../api.js';
import { quantityLimit } from '../cart-store.js';
import { recommended, row } from '../recommended.js';
import { addToCart } from './products.js';

export async function product({ params, signal }) {
  const item = await get(`/api/v1/products/${encodeURIComponent(params.sku)}`, { signal });
  const alsoBought = h('div');
  recommended(`/api/v1/products/${encodeURIComponent(params.sku)}/also-bought`, signal)
    .then((items) => fill(alsoBought, row(items, 'also-bought', 'Often bought together')));
  const inCategory = `/?${new URLSearchParams({ category: item.category })}`;
  return {
    title: item.name,
    node: [
      h('nav', { 'aria-label': 'Breadcrumb' }, h('ol', { class: 'crumbs' },
        h('li', {}, h('a', { href: '/' }, 'Shop')),
        h('li', {}, h('a', { href: inCategory }, item.category)))),
      h('article', { class: 'product', testid: 'product', 'data-sku': item.sku },
        picture(item, { loading: 'eager' }),
        h('div', { class: 'stack loose' },
          h('div', { class: 'stack' },
            h('h1', { testid: 'product-name' }, item.name),
            h('p', { class: 'price', testid: 'product-price' }, money(item.price))),
          h('p', { class: 'description' }, item.description),
          buy(item),
          facts(item, inCategory))),
      alsoBought,
    ],
  };
}

function buy(item) {
  const { text, tone } = stock(item.available);
  const limit = isSoldOut(item.available) ? 0 : quantityLimit(item);
  const quantity = h('select', { id: 'quantity', testid: 'quantity' },
    Array.from({ length: limit }, (_, i) => h('option', { value: i + 1 }, i + 1)));
  return h('div', { class: 'stack' },
    h('p', {}, h('span', { class: 'badge', 'data-tone': tone, testid: 'availability' }, text)),
    limit > 0 && h('div', { class: 'buy' },
      h('div', { class: 'field' }, h('label', { for: 'quantity' }, 'Quantity'), quantity),
      h('button', {
        class: 'button',
        type: 'button',
        testid: 'add-to-cart',
        onclick: (event) => addToCart(event.currentTarget, item, Number(quantity.value)),
      }, 'Add to cart')));
}

const facts = (item, inCategory) => h('dl', { class: 'facts' },
  h('div', {}, h('dt', {}, 'Category'), h('dd', {}, h('a', { href: inCategory }, item.category))),
  h('div', {}, h('dt', {}, 'SKU'), h('dd', { class: 'mono' }, item.sku)),
  h('div', {}, h('dt', {}, 'Delivery'), h('dd', {}, 'From our warehouse, with tracking')));
