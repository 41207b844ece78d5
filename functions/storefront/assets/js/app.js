// The entry point: the routes of pages, and the account navigation in the header.

import { fill, h, toast } from './dom.js';
import * as cartStore from './cart-store.js';
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
router.route('/checkout', requireSignIn(checkout));
router.route('/orders', requireSignIn(orders));
router.route('/orders/:id', requireSignIn(order));
router.route('/notifications', requireSignIn(notifications));
router.route('/account', requireSignIn(account));
router.route('/sign-in', signIn);
router.route('/register', registration);
router.route('/forgot', forgot);
router.route('/reset', reset);

/** A page that requires a session: visitors are redirected to the sign-in page, and so are users
    whose session ends while the page is open. */
function requireSignIn(view) {
  return (request) => {
    if (!session.isSignedIn()) return { redirect: router.signInAddress() };
    let userId = session.profile()?.id;
    session.onChange(() => {
      const currentId = session.profile()?.id;
      if (!session.isSignedIn()) router.go(router.signInAddress(), { replace: true });
      else if (userId && currentId && currentId !== userId) router.reload();
      userId = currentId ?? userId;
    }, request.signal);
    return view(request);
  };
}

function renderAccount() {
  const path = location.pathname;
  const link = (href, testid, ...content) =>
    h('a', { href, testid, 'aria-current': path === href ? 'page' : null }, ...content);
  const signedIn = session.isSignedIn();
  fill(document.getElementById('account'),
    signedIn && link('/orders', 'orders-link', 'Orders'),
    signedIn && link('/notifications', 'notifications-link', 'Messages'),
    signedIn && link('/account', 'account-link', 'Account'),
    signedIn
      ? h('button', { type: 'button', class: 'wide-only', testid: 'sign-out', title: session.profile()?.email ?? null, onclick: signOut }, 'Sign out')
      : link('/sign-in', 'sign-in-link', 'Sign in'),
    link('/cart', 'cart-link', 'Cart', h('span', { class: 'count', testid: 'cart-count' }, itemCount,
      h('span', { class: 'visually-hidden' }, itemCount === 1 ? ' item' : ' items'))));
}

async function signOut() {
  await router.go('/');
  await session.end();
  toast('You are signed out.');
}

let itemCount = 0;
cartStore.onChange((count) => { itemCount = count; renderAccount(); });
session.onChange(() => { renderAccount(); cartStore.refresh(); });

renderAccount();
await session.resume();
await router.start(() => {
  renderAccount();
  document.getElementById('toasts').replaceChildren();
  const search = document.getElementById('search');
  if (document.activeElement !== search) search.value = new URLSearchParams(location.search).get('q') ?? '';
});
document.documentElement.dataset.started = '';
