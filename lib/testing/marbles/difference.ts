import { align, GridAssertionError, type DiffLine } from './assertion.js';
import { draw, sameTimed, undrawable, timedText, type MarbleValues, type Timed } from './marbles.js';

/** Compares what an Observable did with what was expected. @throws GridAssertionError */
export function compare(
  what: string,
  actual: readonly Timed[],
  expected: readonly Timed[],
  values: MarbleValues | undefined,
): void {
  const letter = ({ notification }: Timed): string => {
    if (notification.kind !== 'N') return notification.kind === 'C' ? '|' : '#';
    const probe = { frame: 0, notification };
    const known = Object.entries(values ?? {}).find(([, value]) =>
      sameTimed(probe, { frame: 0, notification: { kind: 'N', value } }),
    );
    if (known !== undefined) return known[0];
    return typeof notification.value === 'string' && notification.value.length === 1 ? notification.value : '?';
  };
  const drawn = (timeline: readonly Timed[]): string =>
    draw(timeline.map((each) => ({ frame: each.frame, mark: letter(each) }))) ?? undrawable;
  report(
    what,
    align(actual, expected, sameTimed).map((line) => ({
      ...(line.actual === undefined ? {} : { actual: timedText(line.actual) }),
      ...(line.expected === undefined ? {} : { expected: timedText(line.expected) }),
    })),
    actual.map(timedText),
    expected.map(timedText),
    [
      `expected  ${drawn(expected)}`,
      `found     ${drawn(actual)}`,
      ...(ends(expected) && !ends(actual) ? ['It had neither completed nor failed when the test ended.'] : []),
    ],
  );
}

function ends(timeline: readonly Timed[]): boolean {
  return timeline.some(({ notification }) => notification.kind !== 'N');
}

/** Throws where a difference has lines that are in one of both only. @throws GridAssertionError */
export function report(
  what: string,
  diff: readonly DiffLine<string, string>[],
  actual: readonly string[],
  expected: readonly string[],
  notes: readonly string[],
): void {
  if (diff.every((line) => line.actual !== undefined && line.expected !== undefined)) return;
  const lines = diff.map((line) => {
    if (line.actual === undefined) return `- ${line.expected!}`;
    return `${line.expected === undefined ? '+' : ' '} ${line.actual}`;
  });
  throw new GridAssertionError(
    [`${what}: something else happened (- expected, + found).`, '', ...lines, '', ...notes].join('\n').trimEnd(),
    actual,
    expected,
  );
}
