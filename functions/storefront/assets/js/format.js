// Amounts, dates, counts and states as text for users.

const LOCALE = navigator.language || 'en';
const currencies = new Map();

function currency(code) {
  if (!currencies.has(code)) {
    const format = new Intl.NumberFormat(LOCALE, { style: 'currency', currency: code });
    currencies.set(code, { format, unit: 10 ** format.resolvedOptions().maximumFractionDigits });
  }
  return currencies.get(code);
}

/** `{amount: 1999, currency: 'EUR'}` as text. Amounts are in minor units. */
export function money({ amount, currency: code }) {
  const { format, unit } = currency(code);
  return format.format(amount / unit);
}

/** `quantity` times a price, in minor units, so that nothing is rounded. */
export function times(price, quantity) {
  return { amount: price.amount * quantity, currency: price.currency };
}

/** The sum of prices in one currency; null for none. */
export function sum(prices) {
  if (prices.length === 0) return null;
  return { amount: prices.reduce((total, p) => total + p.amount, 0), currency: prices[0].currency };
}

const dateFormat = new Intl.DateTimeFormat(LOCALE, { dateStyle: 'medium' });
const dateTimeFormat = new Intl.DateTimeFormat(LOCALE, { dateStyle: 'medium', timeStyle: 'short' });

/** An RFC 3339 time as a date. */
export const date = (text) => (text ? dateFormat.format(new Date(text)) : '');
/** An RFC 3339 time as date and time of day. */
export const dateTime = (text) => (text ? dateTimeFormat.format(new Date(text)) : '');

/** "1 item", "3 items". */
export const count = (n, one, many = `${one}s`) => `${n} ${n === 1 ? one : many}`;

/** The end of an id, which is enough to distinguish a user's orders. */
export const shortId = (id) => id.slice(-8).toUpperCase();

const STATES = {
  pending: { label: 'Pending', tone: 'plain', text: 'We are checking stock and payment. This page updates automatically.' },
  confirmed: { label: 'Confirmed', tone: 'good', text: 'Paid and confirmed. We are packing it now.' },
  shipped: { label: 'Shipped', tone: 'good', text: 'It is on its way to you.' },
  delivered: { label: 'Delivered', tone: 'good', text: 'It has arrived. Enjoy!' },
  returned: { label: 'Returned', tone: 'bad', text: 'It could not be delivered and was returned to us. We refund your payment to your card.' },
  cancelled: { label: 'Canceled', tone: 'bad', text: 'This order was canceled. Any charge is refunded.' },
  rejected: { label: 'Rejected', tone: 'bad', text: 'We could not accept this order. You have not been charged.' },
};

/** The label, tone and explanation of an order's status. */
export const orderState = (status) => STATES[status] ?? { label: status, tone: 'plain', text: '' };
/** Whether the status of an order can't change again. */
export const isFinal = (status) => ['delivered', 'cancelled', 'rejected', 'returned'].includes(status);

/** Whether a product is sold out. `null` means that the stock is unknown at the moment, and is only
    checked with the order. */
export const isSoldOut = (available) => available !== null && available <= 0;

/** The availability of a product, as text. */
export function stock(available) {
  if (available === null || available === undefined) return { text: 'Stock being checked', tone: 'none' };
  if (available <= 0) return { text: 'Sold out', tone: 'bad' };
  if (available <= 5) return { text: `Only ${available} left`, tone: 'plain' };
  return { text: 'In stock', tone: 'good' };
}
