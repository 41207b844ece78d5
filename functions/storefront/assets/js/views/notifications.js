// The messages to the user, and the settings of their channels.

import { h, toast } from '../dom.js';
import { dateTime } from '../format.js';
import { form, formError } from '../forms.js';
import { call, get } from '../api.js';

const TONES = { sent: 'good', failed: 'bad' };
const LABELS = { pending: 'On its way', sent: 'Sent', failed: 'Failed', suppressed: 'Not sent: turned off' };

export async function notifications({ signal }) {
  const [page, preferences] = await Promise.all([
    get('/api/v1/notifications', { signal }),
    get('/api/v1/notifications/preferences', { signal }),
  ]);
  return {
    title: 'Messages',
    node: [
      h('div', { class: 'page-head' }, h('h1', {}, 'Messages'),
        h('a', { href: '/mailbox', 'data-external': true, testid: 'open-mailbox' }, 'Open the mailbox')),
      h('div', { class: 'split' }, list(page, signal), settings(preferences)),
    ],
  };
}

function list(page, signal) {
  if (page.items.length === 0) {
    return h('p', { class: 'muted', testid: 'empty' }, 'No messages yet. We send one when the status of an order changes.');
  }
  const items = h('ul', { testid: 'notifications' }, page.items.map(row));
  let cursor = page.next_cursor;
  const more = h('button', {
    class: 'button outline',
    type: 'button',
    testid: 'more',
    hidden: !cursor,
    onclick: async () => {
      if (more.getAttribute('aria-busy') === 'true') return;
      more.setAttribute('aria-busy', 'true');
      const next = await get(`/api/v1/notifications?${new URLSearchParams({ cursor })}`, { signal }).catch(() => null);
      more.removeAttribute('aria-busy');
      if (!next) { toast('Something went wrong. Please try again.'); return; }
      items.append(...next.items.map(row));
      cursor = next.next_cursor;
      more.hidden = !cursor;
    },
  }, 'Show older messages');
  return h('div', {}, items, h('div', { class: 'more' }, more));
}

const row = (message) => h('li', { class: 'message', testid: 'notification' },
  h('p', {}, message.order_id
    ? h('a', { href: `/orders/${encodeURIComponent(message.order_id)}`, testid: 'message-order' }, h('strong', {}, message.subject))
    : h('strong', {}, message.subject)),
  h('span', { class: 'badge', 'data-tone': TONES[message.status] ?? 'plain' }, LABELS[message.status] ?? message.status),
  h('p', { class: 'muted small' }, `${message.channel === 'push' ? 'Push message' : 'E-mail'} · ${dateTime(message.created_at)}`),
  message.reason && h('p', { class: 'small' }, message.reason));

function settings(preferences) {
  const choice = (name, text) => h('label', { class: 'switch' },
    h('input', { type: 'checkbox', name, checked: preferences[name], testid: `preference-${name}` }), text);
  return h('aside', {}, form({ class: 'panel stack', testid: 'preferences-form' }, async (values) => {
    const body = { email: values.email !== undefined, push: values.push !== undefined };
    await call('PUT', '/api/v1/notifications/preferences', { body });
    toast('Saved.');
  },
  h('h2', {}, 'Notifications'),
  formError(),
  choice('email', 'By e-mail'),
  choice('push', 'By push message'),
  h('button', { class: 'button outline', type: 'submit', testid: 'save-preferences' }, 'Save')));
}
