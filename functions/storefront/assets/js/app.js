// The shop's beginning: pages, the corner with account and cart, and the first address.

import { fill, h, toast } from './dom.js';
import * as basket from './cart-store.js';
import * as router from './router.js';
import * as session from './session.js';
import { products } from './views/products.js';
import { product } from './views/product.js';
import { cart } from './views/cart.js';
import { checkout } from './views/checkout.js';
import { orders } from './views/orders.js';
import { order } from './views/order.js';
import { registration, signIn } from './views/sign-in.js';
import { forgot, reset } from './views/password.js';
import { account } from './views/account.js';
import { notifications } from './views/notifications.js';

router.route('/', products);
router.route('/products/:sku', product);
router.route('/cart', cart);
router.route('/checkout', members(checkout));
router.route('/orders', members(orders));
router.route('/orders/:id', members(order));
router.route('/notifications', members(notifications));
router.route('/account', members(account));
router.route('/sign-in', signIn);
router.route('/register', registration);
router.route('/forgot', forgot);
router.route('/reset', reset);

/** A page that needs an account: visitors are redirected to the sign-in first, and so are users
    whose session ends while it is open. */
function members(view) {
  return (request) => {
    if (!session.isSignedIn()) return { redirect: router.signInAddress() };
    let who = session.profile()?.id;
    session.onChange(() => {
      const now = session.profile()?.id;
      if (!session.isSignedIn()) router.go(router.signInAddress(), { replace: true });
      else if (who && now && now !== who) router.reload();
      who = now ?? who;
    }, request.signal);
    return view(request);
  };
}

function corner(pieces) {
  const here = location.pathname;
  const link = (href, testid, ...words) =>
    h('a', { href, testid, 'aria-current': here === href ? 'page' : null }, ...words);
  const signedIn = session.isSignedIn();
  fill(document.getElementById('account'),
    signedIn && link('/orders', 'orders-link', 'Orders'),
    signedIn && link('/notifications', 'notifications-link', 'Messages'),
    signedIn && link('/account', 'account-link', 'Account'),
    signedIn
      ? h('button', { type: 'button', class: 'wide-only', testid: 'sign-out', title: session.profile()?.email ?? null, onclick: signOut }, 'Sign out')
      : link('/sign-in', 'sign-in-link', 'Sign in'),
    link('/cart', 'cart-link', 'Cart', h('span', { class: 'count', testid: 'cart-count' }, pieces,
      h('span', { class: 'visually-hidden' }, pieces === 1 ? ' item' : ' items'))));
}

async function signOut() {
  await router.go('/');
  await session.end();
  toast('You are signed out.');
}

let pieces = 0;
basket.onChange((count) => { pieces = count; corner(pieces); });
session.onChange(() => { corner(pieces); basket.refresh(); });

corner(pieces);
await session.resume();
await router.start(() => {
  corner(pieces);
  document.getElementById('toasts').replaceChildren();
  const search = document.getElementById('search');
  if (document.activeElement !== search) search.value = new URLSearchParams(location.search).get('q') ?? '';
});
document.documentElement.dataset.started = '';
