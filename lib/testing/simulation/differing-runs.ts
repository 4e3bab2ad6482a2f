/**
 * What two runs of one seed differ in, as text; undefined where they are equal. Each line is an event, as `time what`.
 */
export function differenceOf(first: readonly string[], second: readonly string[]): string | undefined {
  const index = first.findIndex((line, at) => line !== second[at]);
  const at = index >= 0 ? index : first.length;
  if (index < 0 && first.length === second.length) return undefined;
  const text = (line: string | undefined): string => {
    if (line === undefined) return 'nothing more';
    const [time = '', ...what] = line.trim().split(' ');
    return `"${what.join(' ')}" at ${time} ms`;
  };
  return (
    `The same seed went otherwise when it was run again: event ${at + 1} was ${text(first[at])}, and then ${text(second[at])}. ` +
    'Something does not depend on the seed alone: real time, node:crypto, real I/O, or state that an earlier run left.'
  );
}
