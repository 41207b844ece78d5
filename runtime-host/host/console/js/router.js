// The page of the fragment: `#/components/orders?x=y`. Fragments are links like any other: history,
// new tabs and the keyboard work by themselves.

const routes = [];

/** Adds a page. `pattern` is a path like `/components/:id`. */
export function route(pattern, view) {
  const names = [...pattern.matchAll(/:(\w+)/g)].map((match) => match[1]);
  routes.push({ expression: new RegExp(`^${pattern.replace(/:\w+/g, '([^/]+)')}$`), names, view });
}

/** The page of this fragment: its view, parameters and query; null if there is none. */
export function find(fragment) {
  const [path, query = ''] = fragment.replace(/^#/, '').split('?');
  for (const { expression, names, view } of routes) {
    const match = expression.exec(path || '/');
    if (!match) continue;
    try {
      const params = Object.fromEntries(names.map((name, i) => [name, decodeURIComponent(match[i + 1])]));
      return { view, path: path || '/', params, query: new URLSearchParams(query) };
    } catch { return null; }
  }
  return null;
}

/** The link to a page. */
export function link(path, parameters = {}) {
  const given = Object.entries(parameters).filter(([, value]) => value !== undefined && value !== null && value !== '' && value !== false);
  const query = new URLSearchParams(given);
  return `#${path}${query.size > 0 ? `?${query}` : ''}`;
}

/** The link to a page about something with a name. */
export const linkTo = (kind, name) => `#/${kind}/${encodeURIComponent(name)}`;

/** Opens a page. */
export function go(fragment, { replace = false } = {}) {
  if (!replace) { location.hash = fragment; return; }
  history.replaceState(null, '', fragment);
  dispatchEvent(new HashChangeEvent('hashchange'));
}
