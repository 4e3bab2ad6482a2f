import { placeOf } from './call-site.js';

/**
 * What a failed expectation of the kit throws. It depends on no test framework: jest, vitest and node:test show its
 * message, which holds the difference.
 */
export class GridAssertionError extends Error {
  /** Found and expected, as texts. Not enumerable: the message has them. */
  declare readonly actual: string;
  declare readonly expected: string;

  constructor(message: string, actual: readonly string[], expected: readonly string[]) {
    super(message);
    this.name = 'GridAssertionError';
    Object.defineProperty(this, 'actual', { value: actual.join('\n') });
    Object.defineProperty(this, 'expected', { value: expected.join('\n') });
  }

  /** Makes the stack that of the line of the test that expected it, and names it in the message. */
  locate(frames: readonly string[]): void {
    const [first] = frames;
    if (first === undefined) return;
    this.message += `\n\nExpected at ${placeOf(first)}`;
    this.stack = [`${this.name}: ${this.message}`, ...frames].join('\n');
  }
}

/** One line of a difference: in both, only expected, or only found. */
export interface DiffLine<A, E> {
  readonly actual?: A;
  readonly expected?: E;
}

/** Aligns two lists, so that as many items as possible are in both. */
export function align<A, E>(
  actual: readonly A[],
  expected: readonly E[],
  same: (actual: A, expected: E) => boolean,
): DiffLine<A, E>[] {
  // The longest common subsequence of what is left from each pair of positions on.
  const width = expected.length + 1;
  const common = new Array<number>((actual.length + 1) * width).fill(0);
  const matches = new Array<boolean>(common.length).fill(false);
  for (let i = actual.length - 1; i >= 0; i--) {
    for (let j = expected.length - 1; j >= 0; j--) {
      const at = i * width + j;
      matches[at] = same(actual[i]!, expected[j]!);
      common[at] = matches[at] ? common[at + width + 1]! + 1 : Math.max(common[at + width]!, common[at + 1]!);
    }
  }
  const lines: DiffLine<A, E>[] = [];
  let i = 0;
  let j = 0;
  while (i < actual.length || j < expected.length) {
    const at = i * width + j;
    if (i < actual.length && j < expected.length && matches[at]) {
      lines.push({ actual: actual[i++]!, expected: expected[j++]! });
    } else if (j < expected.length && (i === actual.length || common[at + 1]! >= common[at + width]!)) {
      lines.push({ expected: expected[j++]! });
    } else {
      lines.push({ actual: actual[i++]! });
    }
  }
  return lines;
}
