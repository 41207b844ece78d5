// Checkout: address, payment, and one order, however often the answer gets lost.
//
// The Idempotency-Key belongs to the attempt, not to the click: it is made with the first
// submission and kept, together with exactly what was submitted, until an answer says how it
// ended. While that is unknown nothing can be changed, because another order under another key
// could be a second one. The attempt outlives a reload of the page, not the tab.

import { empty, h, picture } from '../dom.js';
import { money, sum, times } from '../format.js';
import { field, form, formFault, show } from '../forms.js';
import { checkout as send, Problem } from '../api.js';
import * as basket from '../basket.js';
import * as router from '../router.js';
import * as session from '../session.js';

const STORED = 'tessera.attempt';

const CARDS = [
  ['tok_approved', 'Visa ending 4242: is approved'],
  ['tok_declined', 'Mastercard ending 0002: is declined by the bank'],
  ['tok_insufficient_funds', 'Visa ending 9995: has not enough money on it'],
  ['tok_slow', 'Amex ending 0077: is approved, slowly'],
  ['tok_unreachable', 'Maestro ending 0101: its bank can’t be reached'],
  ['tok_lost_answer', 'Visa ending 3155: is approved, but the answer gets lost'],
];

const COUNTRIES = ['AT', 'BE', 'BR', 'CA', 'CH', 'CZ', 'DE', 'DK', 'EE', 'ES', 'FI', 'FR', 'GB', 'GR', 'IE', 'IT',
  'JP', 'LT', 'LU', 'LV', 'NL', 'NO', 'PL', 'PT', 'SE', 'SI', 'SK', 'US'];

function countries() {
  const names = new Intl.DisplayNames([navigator.language || 'en'], { type: 'region' });
  return COUNTRIES.map((code) => [code, names.of(code)]).sort((a, b) => a[1].localeCompare(b[1]));
}

function kept() {
  try {
    const attempt = JSON.parse(sessionStorage.getItem(STORED));
    return attempt?.userId === session.profile()?.id ? attempt : null;
  } catch {
    return null;
  }
}

export async function checkout({ signal }) {
  const attempt = kept();
  const lines = (await basket.load(signal)).filter((line) => line.product);
  if (lines.length === 0 && !attempt) {
    return { title: 'Checkout', node: empty('There is nothing to order', 'Your cart is empty.', h('a', { class: 'button', href: '/' }, 'Look around')) };
  }
  const node = [
    h('div', { class: 'page-head' }, h('h1', {}, 'Checkout')),
    h('div', { class: 'split' }, details(attempt), overview(lines)),
  ];
  return { title: 'Checkout', node };
}

function details(attempt) {
  const address = attempt?.body.shipping_address ?? {};
  const at = (name) => `/shipping_address/${name}`;
  const part = (label, name, extra) =>
    field({ label, name, pointer: at(name), required: true, maxlength: 200, value: address[name] ?? '', ...extra });
  const fields = h('fieldset', { class: 'stack loose' },
    h('section', { class: 'panel stack' },
      h('h2', {}, 'Where should it go?'),
      h('div', { class: 'fields' },
        part('Name', 'name', { autocomplete: 'shipping name', class: 'full', value: address.name ?? session.profile()?.name ?? '' }),
        part('Street and number', 'street', { autocomplete: 'shipping street-address', class: 'full' }),
        part('Postal code', 'postal_code', { autocomplete: 'shipping postal-code', maxlength: 20 }),
        part('City', 'city', { autocomplete: 'shipping address-level2' }),
        part('Country', 'country', { autocomplete: 'shipping country', class: 'full', options: countries(), value: address.country ?? guessCountry() }))),
    h('section', { class: 'panel stack' },
      h('h2', {}, 'How do you pay?'),
      h('p', { class: 'muted' }, 'These are test cards. No money moves; each shows what can happen to a payment.'),
      field({ label: 'Card', name: 'payment_method', options: CARDS, value: attempt?.body.payment_method ?? 'tok_approved' })));
  const button = h('button', { class: 'button', type: 'submit', testid: 'place-order' }, 'Place order');
  const element = form({ class: 'stack loose', testid: 'checkout-form' }, (values) => place(values), formFault(), fields, h('div', {}, button));

  async function place(values) {
    const open = kept() ?? begin(values);
    fields.disabled = true;
    try {
      const order = await send(open.body, open.key);
      sessionStorage.removeItem(STORED);
      basket.refresh();
      await router.go(`/orders/${encodeURIComponent(order.id)}`, { replace: true });
    } catch (problem) {
      if (!isOpen(problem)) {
        sessionStorage.removeItem(STORED);
        fields.disabled = false;
        throw problem;
      }
      hold(problem);
    }
  }

  function hold(problem) {
    button.textContent = 'Ask again';
    const text = 'We don’t know yet whether your order arrived. Ask again: it will be placed once, however often you ask.';
    show(element, new Problem(409, { detail: problem ? `${problem.words} ${text}` : text }));
  }

  if (attempt) {
    fields.disabled = true;
    hold(null);
  }
  return element;
}

/** Whether the order may have been placed although this came back. */
const isOpen = (problem) => problem instanceof Problem
  && (problem.isUncertain || problem.status === 401 || problem.status === 409 && problem.retryAfterS !== null || problem.status === 429);

function begin(values) {
  const trimmed = (name) => (values[name] ?? '').trim();
  const body = {
    shipping_address: Object.fromEntries(['name', 'street', 'city', 'postal_code', 'country'].map((n) => [n, trimmed(n)])),
    payment_method: values.payment_method,
  };
  const attempt = { key: crypto.randomUUID(), body, userId: session.profile()?.id };
  sessionStorage.setItem(STORED, JSON.stringify(attempt));
  return attempt;
}

function guessCountry() {
  const region = new Intl.Locale(navigator.language || 'en').maximize().region;
  return COUNTRIES.includes(region) ? region : 'DE';
}

function overview(lines) {
  const total = sum(lines.map((line) => times(line.product.price, line.quantity)));
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
