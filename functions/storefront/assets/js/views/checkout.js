// Checkout: address, payment, and exactly one order, even if responses are lost.
//
// The Idempotency-Key belongs to the attempt, not to the click. An attempt begins with the first
// input and is stored in this tab, so that it survives a reload or a sign-in. If its request was sent
// and the response was lost, it is *open*: the form is locked until the result is known, because an
// order with another key could be a second one.

import { empty, h, picture } from '../dom.js';
import { money, sum, times } from '../format.js';
import { field, form, formError, showProblem } from '../forms.js';
import { checkout as send, get, Problem } from '../api.js';
import { addressFields, addressOf, lastOrderAddress, removeAddress, storeAddress, storedAddress } from '../address.js';
import * as cartStore from '../cart-store.js';
import * as router from '../router.js';
import * as session from '../session.js';

const STORAGE_KEY = 'tessera.attempt';

const CARDS = [
  ['tok_approved', 'Visa 4242: approved'],
  ['tok_declined', 'Mastercard 0002: declined'],
  ['tok_insufficient_funds', 'Visa 9995: insufficient funds'],
  ['tok_slow', 'Amex 0077: approved slowly'],
  ['tok_unreachable', 'Maestro 0101: bank unreachable'],
  ['tok_lost_answer', 'Visa 3155: approved, response lost'],
];

/** The attempt of this user in this tab, if there is one. */
function storedAttempt(userId) {
  try {
    const attempt = JSON.parse(sessionStorage.getItem(STORAGE_KEY));
    return attempt?.userId === userId ? attempt : null;
  } catch {
    return null;
  }
}

const storeAttempt = (attempt) => sessionStorage.setItem(STORAGE_KEY, JSON.stringify(attempt));
const removeAttempt = () => sessionStorage.removeItem(STORAGE_KEY);

export async function checkout({ query, signal }) {
  const userId = (await session.loadProfile())?.id ?? null;
  const attempt = storedAttempt(userId);
  const cart = await cartStore.load(signal);
  const lines = cart.filter((line) => line.product);
  if (lines.length === 0 && !attempt?.open) {
    return { title: 'Checkout', node: empty('There is nothing to order', 'Your cart is empty.', h('a', { class: 'button', href: '/' }, 'Go to the shop')) };
  }
  const start = attempt?.body ?? { shipping_address: await initialAddress(userId, query.get('again'), signal) };
  const node = [
    h('div', { class: 'page-head' }, h('h1', {}, 'Checkout')),
    h('div', { class: 'split' }, details(userId, attempt, start, { lines, unavailable: cart.filter(cartStore.isUnavailable) }), overview(lines)),
  ];
  return { title: 'Checkout', node };
}

/** The initial delivery address: from an order (`again`), this browser, or the last order. */
async function initialAddress(userId, again, signal) {
  const ofOrder = (id) => get(`/api/v1/orders/${encodeURIComponent(id)}`, { signal })
    .then((order) => order.shipping_address, () => null);
  return (again && await ofOrder(again)) || storedAddress(userId) || await lastOrderAddress(signal) || { name: session.profile()?.name };
}

const totalOf = (lines) => sum(lines.map((line) => times(line.product.price, line.quantity)));

function details(userId, attempt, start, { lines, unavailable }) {
  const fields = h('fieldset', { class: 'stack loose' },
    h('section', { class: 'panel stack' },
      h('h2', {}, 'Delivery address'),
      addressFields(start.shipping_address, '/shipping_address'),
      h('label', { class: 'switch' }, h('input', { type: 'checkbox', name: 'remember', testid: 'remember-address', checked: Boolean(storedAddress(userId)) }), 'Remember this address in this browser')),
    h('section', { class: 'panel stack' },
      h('h2', {}, 'Payment'),
      h('p', { class: 'muted' }, 'These are test cards. No money is charged; each shows a possible result of a payment.'),
      field({ label: 'Card', name: 'payment_method', options: CARDS, value: start.payment_method ?? 'tok_approved' })));
  let expected = totalOf(lines);
  const label = () => (expected ? `Place order for ${money(expected)}` : 'Place order');
  const button = h('button', { class: 'button', type: 'submit', testid: 'place-order', disabled: unavailable.length > 0 && !attempt?.open }, label());
  const element = form({ class: 'stack loose', testid: 'checkout-form', oninput: storeDraft }, placeOrder,
    formError(), shortage(unavailable), fields, h('div', {}, button));

  /** Stores the form with the idempotency key of the order. */
  function storeDraft() {
    const before = storedAttempt(userId);
    if (before?.open) return before;
    const values = Object.fromEntries(new FormData(element));
    const body = { shipping_address: addressOf(values), payment_method: values.payment_method };
    const draft = { key: before?.key ?? session.randomId(), body, userId, open: false };
    storeAttempt(draft);
    return draft;
  }

  async function placeOrder(values) {
    const sent = storeDraft();
    const body = sent.open || !expected ? sent.body : { ...sent.body, expected_total: expected };
    fields.disabled = true;
    if (values.remember) storeAddress(userId, body.shipping_address);
    else if (!sent.open) removeAddress();
    try {
      const order = await send(body, sent.key);
      removeAttempt();
      cartStore.refresh();
      await router.go(`/orders/${encodeURIComponent(order.id)}`, { replace: true });
    } catch (problem) {
      handleFailure(problem, sent, body);
    }
  }

  function handleFailure(problem, sent, body) {
    if (isOpen(problem)) {
      storeAttempt({ ...sent, body, open: true });
      lockForm(problem);
      return;
    }
    if (problem instanceof Problem && problem.status === 401) {
      // Refused without effect. A signed-out user is redirected to the sign-in page and returns.
      fields.disabled = sent.open;
      if (!session.isSignedIn()) return;
      throw problem;
    }
    removeAttempt();
    fields.disabled = false;
    if (problem instanceof Problem && problem.slug === 'price-changed') throw priceChange(problem);
    throw problem;
  }

  /** Shows the new total, which the next attempt expects. */
  function priceChange(problem) {
    const total = problem.body.total;
    expected = total;
    updateOverview(element, total);
    button.textContent = label();
    return new Problem(409, { detail: `Prices have changed since you looked: the total is now ${money(total)}. Nothing was ordered. Place the order again if you agree.` });
  }

  /** Locks the form until the result of the open attempt is known. */
  function lockForm(problem) {
    fields.disabled = true;
    button.disabled = false;
    button.textContent = 'Check again';
    const text = 'We don’t know yet whether we received your order. Check again: it is placed only once, no matter how often you check.';
    showProblem(element, new Problem(409, { detail: problem ? `${problem.userMessage} ${text}` : text }));
  }

  if (attempt?.open) lockForm(null);
  return element;
}

/** Shows the current prices. */
async function updateOverview(element, total) {
  const lines = await cartStore.load().catch(() => []);
  element.parentElement?.querySelector('aside')?.replaceWith(overview(lines.filter((line) => line.product), total));
}

/** Whether the order may have been placed in spite of this problem. */
const isOpen = (problem) => problem instanceof Problem
  && (problem.isUncertain || problem.status === 409 && problem.retryAfterS !== null || problem.status === 429);

const shortage = (lines) => lines.length > 0 && h('div', { class: 'notice bad', role: 'note', testid: 'shortage' },
  h('p', {}, 'There is not enough in stock for this order:'),
  h('ul', {}, lines.map(({ product, quantity, sku }) => h('li', {}, product
    ? `${product.name}: ${quantity} in your cart, ${product.available > 0 ? `${cartStore.quantityLimit(product)} available` : 'sold out'}`
    : `${sku} is no longer available`))),
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
