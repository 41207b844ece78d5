// What happened between two readings of counters. Pure functions.

/** @typedef {{count: number, failed: number, seconds: number, buckets: number[]}} Calls */

/** Calls between two readings. After a restart of the host, counters begin again. */
export function difference(before, after) {
  if (!before || before.count > after.count) return after;
  return {
    count: after.count - before.count,
    failed: Math.max(0, after.failed - before.failed),
    seconds: after.seconds - before.seconds,
    buckets: after.buckets.map((n, i) => Math.max(0, n - (before.buckets[i] ?? 0))),
  };
}

/** The sum of calls. */
export function sum(all) {
  const total = { count: 0, failed: 0, seconds: 0, buckets: [] };
  for (const calls of all) {
    total.count += calls.count;
    total.failed += calls.failed;
    total.seconds += calls.seconds;
    calls.buckets.forEach((n, i) => { total.buckets[i] = (total.buckets[i] ?? 0) + n; });
  }
  return total;
}

/**
 * The value below which a share of the calls are, in seconds. Within a bucket, calls count as
 * spread evenly; above the last bound, that bound is all that is known. Null without calls.
 */
export function quantile(buckets, bounds, share) {
  const total = buckets.reduce((n, each) => n + each, 0);
  if (total === 0) return null;
  const rank = share * total;
  let below = 0;
  for (const [i, n] of buckets.entries()) {
    if (below + n >= rank && n > 0) {
      if (i >= bounds.length) return bounds.at(-1) ?? null;
      const low = i === 0 ? 0 : bounds[i - 1];
      return low + (bounds[i] - low) * ((rank - below) / n);
    }
    below += n;
  }
  return bounds.at(-1) ?? null;
}

/** Rate, share of failures and latency of calls in a period; `perSecond` is null for no period. */
export function figures(calls, seconds, bounds) {
  return {
    count: calls.count,
    perSecond: seconds > 0 ? calls.count / seconds : null,
    failedShare: calls.count > 0 ? calls.failed / calls.count : null,
    p50: quantile(calls.buckets, bounds, 0.5),
    p99: quantile(calls.buckets, bounds, 0.99),
  };
}

/** How well calls go: `idle`, `good`, `warn` or `bad`. */
export function tone({ count, failedShare }) {
  if (!count) return 'idle';
  if (failedShare >= 0.05) return 'bad';
  return failedShare > 0 ? 'warn' : 'good';
}
