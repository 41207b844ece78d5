// Numbers, times and names as text.

const decimals = (digits) => new Intl.NumberFormat('en', { maximumFractionDigits: digits });
const [whole, one, two] = [decimals(0), decimals(1), decimals(2)];

/** A number with about three digits. */
export function number(value) {
  if (!Number.isFinite(value)) return '–';
  const size = Math.abs(value);
  if (size >= 1e9) return `${one.format(value / 1e9)} G`;
  if (size >= 1e6) return `${one.format(value / 1e6)} M`;
  if (size >= 100) return whole.format(value);
  return (size >= 10 ? one : two).format(value);
}

/** A whole number with separators. */
export const count = (value) => whole.format(value);

/** "1 event", "3 events". */
export const counted = (n, single, many = `${single}s`) => `${whole.format(n)} ${n === 1 ? single : many}`;

/** Calls per second. */
export const rate = (value) => (value === null ? '–' : `${number(value)}/s`);

/** A share from 0 to 1 as percent. */
export function percent(share) {
  if (share === null || !Number.isFinite(share)) return '–';
  const value = share * 100;
  if (value > 0 && value < 0.1) return '<0.1 %';
  return `${(value < 10 ? one : whole).format(value)} %`;
}

/** Seconds as a duration. */
export function duration(seconds) {
  if (seconds === null || !Number.isFinite(seconds)) return '–';
  if (seconds < 0.001) return `${number(seconds * 1e6)} µs`;
  if (seconds < 1) return `${number(seconds * 1e3)} ms`;
  if (seconds < 120) return `${number(seconds)} s`;
  return age(seconds * 1000);
}

/** A long time, in its two largest units. */
export function age(ms) {
  const seconds = Math.max(0, Math.round(ms / 1000));
  const parts = [['d', 86_400], ['h', 3_600], ['min', 60], ['s', 1]];
  const first = parts.findIndex(([, size]) => seconds >= size);
  if (first < 0) return '0 s';
  let rest = seconds;
  return parts.slice(first, first + 2).map(([unit, size]) => {
    const n = Math.floor(rest / size);
    rest -= n * size;
    return n > 0 ? `${n} ${unit}` : '';
  }).filter(Boolean).join(' ');
}

/** Bytes with a binary unit. */
export function bytes(value) {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let size = value;
  let unit = 0;
  while (size >= 1024 && unit < units.length - 1) { size /= 1024; unit += 1; }
  return `${size >= 100 || unit === 0 ? whole.format(size) : one.format(size)} ${units[unit]}`;
}

const clock = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit', fractionalSecondDigits: 3 });
const day = new Intl.DateTimeFormat('sv-SE', { dateStyle: 'short' });

/** Milliseconds since 1970 as a time of day, with the date if it is another day. */
export function time(ms) {
  if (ms === null || ms === undefined) return '–';
  const date = new Date(ms);
  const isToday = day.format(date) === day.format(new Date());
  return isToday ? clock.format(date) : `${day.format(date)} ${clock.format(date)}`;
}

/** The beginning of an id. */
export const short = (id, length = 8) => (id.length > length ? id.slice(0, length) : id);

/** The beginning of a digest. */
export const digest = (text) => short(text.replace(/^sha256:/, ''), 12);

const answers = ['ok', 'refused', 'cancelled', 'not-found', 'body-too-large', 'body-incomplete', 'body-malformed'];

/** Whether a result is a failure: a status of 500 or more, or a failure that the client did not cause. */
export const isFailure = (outcome) => (/^\d+$/.test(outcome) ? Number(outcome) >= 500 : !answers.includes(outcome));
