// Numbers, dates and states in words.

const LOCALE = navigator.language || 'en';
const currencies = new Map();

function currency(code) {
  if (!currencies.has(code)) {
    const format = new Intl.NumberFormat(LOCALE, { style: 'currency', currency: code });
    currencies.set(code, { format, unit: 10 ** format.resolvedOptions().maximumFractionDigits });
  }
  return currencies.get(code);
}

/** `{amount: 1999, currency: 'EUR'}` as a person writes it. Amounts are minor units. */
export function money({ amount, currency: code }) {
  const { format, unit } = currency(code);
  return format.format(amount / unit);
}

/** `quantity` times a price; whole minor units, so nothing is rounded. */
export function times(price, quantity) {
  return { amount: price.amount * quantity, currency: price.currency };
}

/** The sum of prices in one currency; null for none. */
export function sum(prices) {
  if (prices.length === 0) return null;
  return { amount: prices.reduce((total, p) => total + p.amount, 0), currency: prices[0].currency };
}

const dates = new Intl.DateTimeFormat(LOCALE, { dateStyle: 'medium' });
const times_ = new Intl.DateTimeFormat(LOCALE, { dateStyle: 'medium', timeStyle: 'short' });

/** An RFC 3339 time as a date. */
export const date = (text) => (text ? dates.format(new Date(text)) : '');
/** An RFC 3339 time as date and time of day. */
export const dateTime = (text) => (text ? times_.format(new Date(text)) : '');

/** "1 item", "3 items". */
export const count = (n, one, many = `${one}s`) => `${n} ${n === 1 ? one : many}`;

/** The end of an id, enough for a person to tell orders apart. */
export const shortId = (id) => id.slice(-8).toUpperCase();

const STATES = {
  pending: { word: 'Pending', tone: 'plain', text: 'We are checking stock and payment. This page follows along.' },
  confirmed: { word: 'Confirmed', tone: 'good', text: 'Paid and confirmed. We are packing it now.' },
  shipped: { word: 'Shipped', tone: 'good', text: 'It is on its way to you.' },
  delivered: { word: 'Delivered', tone: 'good', text: 'It has arrived. Enjoy!' },
  returned: { word: 'Returned', tone: 'bad', text: 'It could not be delivered and was returned to us. We refund your payment to your card.' },
  cancelled: { word: 'Cancelled', tone: 'bad', text: 'This order was cancelled. Anything that was charged goes back.' },
  rejected: { word: 'Rejected', tone: 'bad', text: 'We could not accept this order. You have not been charged.' },
};

/** How to show an order's status. */
export const orderState = (status) => STATES[status] ?? { word: status, tone: 'plain', text: '' };
/** Whether nothing more will happen to an order. */
export const isFinal = (status) => ['delivered', 'cancelled', 'rejected', 'returned'].includes(status);

/** Whether a product can be ordered. `null` means that the stock is not known just now: the
    order will tell. */
export const isSoldOut = (available) => available !== null && available <= 0;

/** How many are there, in words. */
export function stock(available) {
  if (available === null || available === undefined) return { text: 'Stock being checked', tone: 'none' };
  if (available <= 0) return { text: 'Sold out', tone: 'bad' };
  if (available <= 5) return { text: `Only ${available} left`, tone: 'plain' };
  return { text: 'In stock', tone: 'good' };
}
