// Tables that can be sorted, and that can be scrolled on a narrow screen.

import { h } from './dom.js';

/** How each table is sorted: the column and the direction, by the name of the table. */
const orders = new Map();

/**
 * @param {Object} options
 * @param {string} options.name the name of the table, for its order and for tests
 * @param {string} options.caption
 * @param {Array<{head: string, cell: Function, value?: Function, kind?: string}>} options.columns
 *   `value` makes a column sortable; `kind` is `number`, `wide` (hidden on narrow screens) or `text`
 * @param {Array} options.rows
 * @param {Function} options.key of a row
 * @param {string} options.empty the text without rows
 * @param {Function} options.redraw called when the order changes
 */
export function table({ name, caption, columns, rows, key, empty, redraw }) {
  if (rows.length === 0) return h('p', { class: 'muted none', key: `none-${name}`, testid: `${name}-none` }, empty);
  return h('div', { class: 'scroll', role: 'region', 'aria-label': caption, tabindex: '0', key: `table-${name}` },
    h('table', { testid: name },
      h('caption', { class: 'visually-hidden' }, caption),
      h('thead', {}, h('tr', {}, columns.map((column, i) => head(name, column, i, redraw)))),
      h('tbody', {}, sorted(name, columns, rows).map((row) => h('tr', { key: key(row), testid: `${name}-row` },
        columns.map((column, i) => h(i === 0 ? 'th' : 'td', { scope: i === 0 ? 'row' : null, class: column.kind }, column.cell(row))))))));
}

function head(name, { head: text, value, kind }, column, redraw) {
  const order = orders.get(name);
  const isCurrent = order?.column === column;
  const sort = () => {
    const first = kind?.includes('number') ? -1 : 1;
    orders.set(name, { column, direction: isCurrent ? -order.direction : first });
    redraw();
  };
  const arrow = isCurrent ? (order.direction > 0 ? ' ↑' : ' ↓') : '';
  const direction = isCurrent ? (order.direction > 0 ? 'ascending' : 'descending') : null;
  return h('th', { scope: 'col', class: kind, 'aria-sort': direction },
    value && redraw ? h('button', { type: 'button', class: 'sort', onclick: sort }, text, h('span', { 'aria-hidden': 'true' }, arrow)) : text);
}

function sorted(name, columns, rows) {
  const order = orders.get(name);
  if (!order) return rows;
  const value = columns[order.column]?.value;
  if (!value) return rows;
  return rows.toSorted((a, b) => {
    const [x, y] = [value(a), value(b)];
    const result = typeof x === 'string' ? x.localeCompare(y) : (x ?? -1) - (y ?? -1);
    return order.direction * result;
  });
}
