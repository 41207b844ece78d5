// Checkout: address, payment, and exactly one order, even if responses get lost.
//
// The Idempotency-Key belongs to the attempt, not to the click. An attempt begins with the first
// typed letter and is stored in this tab, so that it survives a reload or a sign-in. If it was sent
// and the response was lost, it is *open*: nothing can be changed until the result is known,
// because an order with another key could be a second one.

import { empty, h, picture } from '../dom.js';
import { money, sum, times } from '../format.js';
import { field, form, formFault, show } from '../forms.js';
import { checkout as send, get, Problem } from '../api.js';
import { addressFields, addressOf, forget, lastUsed, remember, remembered } from '../address.js';
import * as basket from '../cart-store.js';
import * as router from '../router.js';
import * as session from '../session.js';

const STORED = 'tessera.attempt';

const CARDS = [
  ['tok_approved', 'Visa 4242: approved'],
  ['tok_declined', 'Mastercard 0002: declined'],
  ['tok_insufficient_funds', 'Visa 9995: insufficient funds'],
  ['tok_slow', 'Amex 0077: approved slowly'],
  ['tok_unreachable', 'Maestro 0101: bank unreachable'],
  ['tok_lost_answer', 'Visa 3155: approved, answer lost'],
];

/** The attempt of this user in this tab, if there is one. */
function kept(userId) {
  try {
    const attempt = JSON.parse(sessionStorage.getItem(STORED));
    return attempt?.userId === userId ? attempt : null;
  } catch {
    return null;
  }
}

const keep = (attempt) => sessionStorage.setItem(STORED, JSON.stringify(attempt));
const drop = () => sessionStorage.removeItem(STORED);

export async function checkout({ query, signal }) {
  const userId = (await session.learned())?.id ?? null;
  const attempt = kept(userId);
  const cart = await basket.load(signal);
  const lines = cart.filter((line) => line.product);
  if (lines.length === 0 && !attempt?.open) {
    return { title: 'Checkout', node: empty('There is nothing to order', 'Your cart is empty.', h('a', { class: 'button', href: '/' }, 'Look around')) };
  }
  const start = attempt?.body ?? { shipping_address: await knownAddress(userId, query.get('again'), signal) };
  const node = [
    h('div', { class: 'page-head' }, h('h1', {}, 'Checkout')),
    h('div', { class: 'split' }, details(userId, attempt, start, { lines, short: cart.filter(basket.isShort) }), overview(lines)),
  ];
  return { title: 'Checkout', node };
}

/** The delivery address that the shop or this browser knows. */
async function knownAddress(userId, again, signal) {
  const of = (id) => get(`/api/v1/orders/${encodeURIComponent(id)}`, { signal })
    .then((order) => order.shipping_address, () => null);
  return (again && await of(again)) || remembered(userId) || await lastUsed(signal) || { name: session.profile()?.name };
}

const totalOf = (lines) => sum(lines.map((line) => times(line.product.price, line.quantity)));

function details(userId, attempt, start, { lines, short }) {
  const fields = h('fieldset', { class: 'stack loose' },
    h('section', { class: 'panel stack' },
      h('h2', {}, 'Where should it go?'),
      addressFields(start.shipping_address, '/shipping_address'),
      h('label', { class: 'switch' }, h('input', { type: 'checkbox', name: 'remember', testid: 'remember-address', checked: Boolean(remembered(userId)) }), 'Remember this address in this browser')),
    h('section', { class: 'panel stack' },
      h('h2', {}, 'How do you pay?'),
      h('p', { class: 'muted' }, 'These are test cards. No money moves; each shows what can happen to a payment.'),
      field({ label: 'Card', name: 'payment_method', options: CARDS, value: start.payment_method ?? 'tok_approved' })));
  let expected = totalOf(lines);
  const label = () => (expected ? `Place order for ${money(expected)}` : 'Place order');
  const button = h('button', { class: 'button', type: 'submit', testid: 'place-order', disabled: short.length > 0 && !attempt?.open }, label());
  const element = form({ class: 'stack loose', testid: 'checkout-form', oninput: draft }, place,
    formFault(), shortage(short), fields, h('div', {}, button));

  /** Stores the form under the idempotency key of the future order. */
  function draft() {
    const before = kept(userId);
    if (before?.open) return before;
    const values = Object.fromEntries(new FormData(element));
    const body = { shipping_address: addressOf(values), payment_method: values.payment_method };
    const fresh = { key: before?.key ?? session.randomId(), body, userId, open: false };
    keep(fresh);
    return fresh;
  }

  async function place(values) {
    const mine = draft();
    const body = mine.open || !expected ? mine.body : { ...mine.body, expected_total: expected };
    fields.disabled = true;
    if (values.remember) remember(userId, body.shipping_address);
    else if (!mine.open) forget();
    try {
      const order = await send(body, mine.key);
      drop();
      basket.refresh();
      await router.go(`/orders/${encodeURIComponent(order.id)}`, { replace: true });
    } catch (problem) {
      failed(problem, mine, body);
    }
  }

  function failed(problem, mine, body) {
    if (isOpen(problem)) {
      keep({ ...mine, body, open: true });
      hold(problem);
      return;
    }
    if (problem instanceof Problem && problem.status === 401) {
      // Refused without effect. A signed-out user is redirected to the sign-in and comes back.
      fields.disabled = mine.open;
      if (!session.isSignedIn()) return;
      throw problem;
    }
    drop();
    fields.disabled = false;
    if (problem instanceof Problem && problem.slug === 'price-changed') throw repriced(problem);
    throw problem;
  }

  /** Shows the new total, and expects it from now on. */
  function repriced(problem) {
    const total = problem.body.total;
    expected = total;
    reprice(element, total);
    button.textContent = label();
    return new Problem(409, { detail: `Prices have changed since you looked: the total is now ${money(total)}. Nothing was ordered. Place the order again if you agree.` });
  }

  function hold(problem) {
    fields.disabled = true;
    button.disabled = false;
    button.textContent = 'Ask again';
    const text = 'We don’t know yet whether your order arrived. Ask again: it will be placed once, however often you ask.';
    show(element, new Problem(409, { detail: problem ? `${problem.words} ${text}` : text }));
  }

  if (attempt?.open) hold(null);
  return element;
}

/** Shows the order with the current prices. */
async function reprice(element, total) {
  const lines = await basket.load().catch(() => []);
  element.parentElement?.querySelector('aside')?.replaceWith(overview(lines.filter((line) => line.product), total));
}

/** Whether the order may have been placed although this came back. */
const isOpen = (problem) => problem instanceof Problem
  && (problem.isUncertain || problem.status === 409 && problem.retryAfterS !== null || problem.status === 429);

const shortage = (short) => short.length > 0 && h('div', { class: 'notice bad', role: 'note', testid: 'shortage' },
  h('p', {}, 'There is not enough in stock for this order:'),
  h('ul', {}, short.map(({ product, quantity, sku }) => h('li', {}, product
    ? `${product.name}: ${quantity} in your cart, ${product.available > 0 ? `${basket.limit(product)} available` : 'sold out'}`
    : `${sku} is no longer sold`))),
  h('p', {}, h('a', { href: '/cart' }, 'Change the cart')));

function overview(lines, total = totalOf(lines)) {
  return h('aside', { class: 'panel stack', 'aria-label': 'Your order' },
    h('h2', {}, 'Your order'),
    h('ul', { class: 'lines' }, lines.map((line) => h('li', { class: 'line slim' },
      picture(line.product),
      h('div', {}, h('p', {}, line.product.name), h('p', { class: 'muted small' }, `${line.quantity} × ${money(line.product.price)}`)),
      h('p', { class: 'number' }, money(times(line.product.price, line.quantity)))))),
    total && h('dl', { class: 'totals' },
      h('div', {}, h('dt', {}, 'Delivery'), h('dd', {}, 'Free')),
      h('div', { class: 'sum' }, h('dt', {}, 'Total'), h('dd', { class: 'number', testid: 'checkout-total' }, money(total)))),
    h('a', { class: 'small', href: '/cart' }, 'Change the cart'));
}
