// The delivery address: its form fields, and the address that this browser stores.
//
// It is stored in localStorage, for the account that saved it, until the user signs out. Without it,
// the address of the last order is suggested.

import { h } from './dom.js';
import { field } from './forms.js';
import { get, Problem } from './api.js';

const STORAGE_KEY = 'tessera.address';
const PARTS = ['name', 'street', 'city', 'postal_code', 'country'];

const COUNTRIES = ['AT', 'BE', 'BR', 'CA', 'CH', 'CZ', 'DE', 'DK', 'EE', 'ES', 'FI', 'FR', 'GB', 'GR', 'IE', 'IT',
  'JP', 'LT', 'LU', 'LV', 'NL', 'NO', 'PL', 'PT', 'SE', 'SI', 'SK', 'US'];

const regionNames = new Intl.DisplayNames([navigator.language || 'en'], { type: 'region' });

/** The name of a country in the user's language. */
export function country(code) {
  try { return regionNames.of(code); } catch { return code; }
}

const countries = () => COUNTRIES.map((code) => [code, country(code)]).sort((a, b) => a[1].localeCompare(b[1]));

function guessCountry() {
  const region = new Intl.Locale(navigator.language || 'en').maximize().region;
  return COUNTRIES.includes(region) ? region : 'DE';
}

/** The fields of an address, with initial values. `at` is the JSON pointer of the address. */
export function addressFields(address = {}, at = '') {
  const part = (label, name, extra) =>
    field({ label, name, pointer: `${at}/${name}`, required: true, maxlength: 200, value: address[name] ?? '', ...extra });
  return h('div', { class: 'fields' },
    part('Name', 'name', { autocomplete: 'shipping name', class: 'full' }),
    part('Street and number', 'street', { autocomplete: 'shipping street-address', class: 'full' }),
    part('Postal code', 'postal_code', { autocomplete: 'shipping postal-code', maxlength: 20 }),
    part('City', 'city', { autocomplete: 'shipping address-level2' }),
    part('Country', 'country', { autocomplete: 'shipping country', class: 'full', options: countries(), value: address.country || guessCountry() }));
}

/** The address from the values of a form. */
export const addressOf = (values) => Object.fromEntries(PARTS.map((part) => [part, (values[part] ?? '').trim()]));

/** The address that this browser stores for this account, or null. */
export function storedAddress(userId) {
  try {
    const { user_id, address } = JSON.parse(localStorage.getItem(STORAGE_KEY));
    return user_id === userId ? address : null;
  } catch {
    return null;
  }
}

export const storeAddress = (userId, address) => localStorage.setItem(STORAGE_KEY, JSON.stringify({ user_id: userId, address }));
export const removeAddress = () => localStorage.removeItem(STORAGE_KEY);

/** The address of the last order; null if there is none, or if it is unavailable. */
export async function lastOrderAddress(signal) {
  try {
    const page = await get('/api/v1/orders?limit=1', { signal, attempts: 1 });
    return page.items[0]?.shipping_address ?? null;
  } catch (problem) {
    if (problem instanceof Problem) return null;
    throw problem;
  }
}
