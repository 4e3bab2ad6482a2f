/*
 * Numbers as people read them: with units, few digits, and never a width that jumps by more than the unit.
 */

/** The placeholder of a figure that no host has reported. */
export const unknown = '–';

const grouped = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });

/** A number of things. */
export function count(value: number | undefined): string {
  if (value === undefined) return unknown;
  if (Math.abs(value) < 100_000) return grouped.format(value);
  const [scaled, unit] = scale(value, 1_000, ['', 'k', 'M', 'G', 'T']);
  return `${three(scaled)}${unit}`;
}

/** Things per second, without the unit. */
export function rate(value: number | undefined): string {
  if (value === undefined) return unknown;
  if (value === 0) return '0';
  if (value < 10) return value < 0.05 ? '<0.1' : value.toFixed(1);
  return count(value);
}

/** A duration that is measured in ms, with its unit. */
export function ms(value: number | undefined): string {
  if (value === undefined) return unknown;
  if (value < 0.1) return `${(value * 1_000).toFixed(0)} µs`;
  if (value < 1_000) return `${three(value)} ms`;
  if (value < 60_000) return `${three(value / 1_000)} s`;
  return duration(value);
}

/** Bytes, with their unit. */
export function bytes(value: number | undefined): string {
  if (value === undefined) return unknown;
  const [scaled, unit] = scale(value, 1_000, ['B', 'kB', 'MB', 'GB', 'TB']);
  return `${unit === 'B' ? scaled.toFixed(0) : three(scaled)} ${unit}`;
}

/** A duration for a person: `48 s`, `3 min 5 s`, `2 h 10 min`, `5 d 3 h`. */
export function duration(value: number | undefined): string {
  if (value === undefined) return unknown;
  const seconds = Math.max(0, Math.floor(value / 1_000));
  const parts: readonly (readonly [number, string])[] = [
    [Math.floor(seconds / 86_400), 'd'],
    [Math.floor(seconds / 3_600) % 24, 'h'],
    [Math.floor(seconds / 60) % 60, 'min'],
    [seconds % 60, 's'],
  ];
  const first = parts.findIndex(([amount]) => amount > 0);
  if (first === -1) return '0 s';
  return parts
    .slice(first, first + 2)
    .filter(([amount], index) => index === 0 || amount > 0)
    .map(([amount, unit]) => `${amount} ${unit}`)
    .join(' ');
}

/** A duration without what {@link duration} does not show of it: it stays the same for as long as its text. */
export function shownPart(value: number | undefined): number | undefined {
  if (value === undefined) return undefined;
  const unit = value < 3_600_000 ? 1_000 : value < 86_400_000 ? 60_000 : 3_600_000;
  return Math.floor(value / unit) * unit;
}

const clockFormat = new Intl.DateTimeFormat('en', {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  hourCycle: 'h23',
});
const dateFormat = new Intl.DateTimeFormat('en', { dateStyle: 'medium', timeStyle: 'medium', hourCycle: 'h23' });
const maxDate = 8.64e15;

/** The time of day of a wall clock. That of another host may be any number. */
export function clock(at: number): string {
  return Math.abs(at) <= maxDate ? clockFormat.format(at) : unknown;
}

/** The same with its date. */
export function dateTime(at: number): string {
  return Math.abs(at) <= maxDate ? dateFormat.format(at) : unknown;
}

/** The name of a host without what all of them have in common. */
export function shortHost(name: string): string {
  return name.replace(/^(?:https?|wss?):\/\//, '').replace(/\/$/, '');
}

/** `1 host`, `2 hosts`. */
export function plural(amount: number, one: string, many = `${one}s`): string {
  return `${count(amount)} ${amount === 1 ? one : many}`;
}

/** A text in at most so many characters. The view that shows it has the whole text in a title. */
export function cut(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1).replace(/[\ud800-\udbff]$/, '')}…`;
}

function scale(value: number, base: number, units: readonly string[]): readonly [number, string] {
  let scaled = value;
  let index = 0;
  // 999.7 would be shown as 1000.
  while (Math.abs(scaled) >= base - 0.5 && index < units.length - 1) {
    scaled /= base;
    index++;
  }
  return [scaled, units[index]!];
}

/** Three digits: 1.23, 12.3, 123. */
function three(value: number): string {
  const size = Math.abs(value);
  if (size >= 99.95) return value.toFixed(0);
  return value.toFixed(size >= 9.995 ? 1 : 2);
}

const names = new Intl.Collator('en', { numeric: true });

/** Names in the order that people expect: host2 before host10. */
export function byName(left: string, right: string): number {
  return names.compare(left, right);
}
