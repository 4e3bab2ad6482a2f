import { describe, expect, it } from '@jest/globals';
import { History, linearizable, SeededRandom, type HistoryEntry, type Model } from '../../../lib/testing/index.js';

type Operation = { readonly kind: 'write'; readonly value: number } | { readonly kind: 'read' };

const register: Model<Operation, number, number> = {
  initial: () => 0,
  step: (state, operation, outcome) => {
    if (operation.kind === 'write') return { state: operation.value };
    return outcome === undefined || outcome.result === state ? { state } : undefined;
  },
};

/**
 * A history, drawn: `w1 [ ]` is a write of 1 from `[` to `]`; a `?` in place of `]` is an outcome that is not known.
 */
function historyOf(...lines: readonly string[]): History<Operation, number> {
  let now = 0;
  const history = new History<Operation, number>({ now: () => now });
  const open = new Map<number, ReturnType<typeof history.begin>>();
  const length = Math.max(...lines.map((line) => line.length));
  for (now = 3; now < length; now++) {
    for (const [index, line] of lines.entries()) {
      const value = Number(line[1]);
      const mark = line[now];
      if (mark === '[')
        open.set(index, history.begin(line.startsWith('w') ? { kind: 'write', value } : { kind: 'read' }));
      if (mark === ']') open.get(index)!.ok(value);
      if (mark === '?') open.get(index)!.failed(new Error('its answer was lost'));
      if (mark === '!') open.get(index)!.failed(Object.assign(new Error('not sent'), { sent: false }));
    }
  }
  return history;
}

const holds = (...lines: readonly string[]): boolean => {
  try {
    historyOf(...lines).check(linearizable(register));
    return true;
  } catch {
    return false;
  }
};

describe('linearizable', () => {
  it('judges sequential operations', () => {
    expect(holds('w1 [ ]', 'r1     [ ]')).toBe(true);
    expect(holds('w1 [ ]', 'r0     [ ]')).toBe(false);
    expect(holds('w1 [ ]', 'w2     [ ]', 'r1         [ ]')).toBe(false);
  });

  it('permits overlapping operations in any order', () => {
    expect(holds('w1 [       ]', 'r0   [ ]', 'r1       [ ]')).toBe(true);
    // The first one has seen the write, so the second one must.
    expect(holds('w1 [         ]', 'r1   [ ]', 'r0       [ ]')).toBe(false);
    expect(holds('w1 [     ]', 'w2 [     ]', 'r1         [ ]', 'r1             [ ]')).toBe(true);
    expect(holds('w1 [     ]', 'w2 [     ]', 'r1         [ ]', 'r2             [ ]')).toBe(false);
  });

  it('permits an unknown outcome to take effect, also later, or not; an unsent one has no effect', () => {
    expect(holds('w1 [ ?', 'r0     [ ]', 'r1         [ ]')).toBe(true);
    expect(holds('w1 [ ?', 'r0     [ ]', 'r0         [ ]')).toBe(true);
    expect(holds('w1 [ ?', 'r1     [ ]', 'r0         [ ]')).toBe(false);
    expect(holds('w1 [', 'r1     [ ]')).toBe(true);
    expect(holds('w1 [ !', 'r1     [ ]')).toBe(false);
    expect(holds('r5 [ ?', 'r0     [ ]')).toBe(true);
  });

  it('reports the order that explains most, and the operations that do not fit', () => {
    expect(() => {
      historyOf('w1 [ ]', 'r1     [ ]', 'r0         [ ]').check(linearizable(register));
    }).toThrow(
      [
        'the history is linearizable: no order of the 3 operations explains what they gave.',
        'The longest order that does:',
        '  3 ms – 5 ms  { kind: "write", value: 1 } → 1',
        '  7 ms – 9 ms  { kind: "read" } → 1',
        'leads to the state 1, and there cannot be:',
        '  11 ms – 13 ms  { kind: "read" } → 0',
      ].join('\n'),
    );
  });

  it('gives up where there is too much to try, and checks the parts of a model separately', () => {
    const pairs = Array.from({ length: 12 }, (_, index) => [
      `w${index % 10} [   ]`,
      `r${(index + 1) % 10} [   ]`,
    ]).flat();
    const history = historyOf(...pairs, 'r7      [ ]', 'r9           [ ]');
    expect(() => {
      history.check(linearizable(register, { maxStates: 100 }));
    }).toThrow('not decided after 100 situations, with 26 operations.');
    const parts = linearizable<Operation, number, number>(
      { ...register, part: (operation) => operation.kind },
      { name: 'reads alone', maxStates: 100 },
    );
    expect(() => {
      history.check(parts);
    }).toThrow(/^reads alone: no order of the \d+ operations of read /);
  });

  it('agrees with an exhaustive search through all orders', () => {
    const random = new SeededRandom(1);
    let found = 0;
    for (let round = 0; round < 400; round++) {
      const history = randomHistory(random);
      const expected = bruteForce(history.entries);
      if (expected) found++;
      let actual = true;
      try {
        history.check(linearizable(register));
      } catch {
        actual = false;
      }
      expect(actual).toBe(expected);
    }
    // Neither all nor none: the comparison says something.
    expect(found).toBeGreaterThan(80);
    expect(found).toBeLessThan(320);
  });
});

function randomHistory(random: SeededRandom): History<Operation, number> {
  const history = new History<Operation, number>({ now: () => 0 });
  const open: ReturnType<typeof history.begin>[] = [];
  for (let begun = 0; begun < 6 || open.length > 0;) {
    if (begun < 6 && (open.length === 0 || random.chance(0.5))) {
      begun++;
      open.push(history.begin(random.chance(0.5) ? { kind: 'write', value: random.below(3) } : { kind: 'read' }));
      continue;
    }
    const [ended] = open.splice(random.below(open.length), 1);
    const chance = random.next();
    if (chance < 0.15) ended!.failed(new Error('lost'));
    else if (chance < 0.25) ended!.failed({ sent: false });
    else ended!.ok(random.below(3));
  }
  return history;
}

/** Tries every order of every choice of the operations that may not have taken effect. */
function bruteForce(entries: readonly HistoryEntry<Operation, number>[]): boolean {
  const possible = entries.filter(({ outcome }) => outcome !== 'fail');
  const place = (done: readonly HistoryEntry<Operation, number>[], state: number): boolean => {
    const left = possible.filter((entry) => !done.includes(entry));
    if (left.every(({ outcome }) => outcome !== 'ok')) return true;
    return left.some((entry) => {
      if (left.some((other) => other !== entry && other.ended < entry.began)) return false;
      const next = register.step(
        state,
        entry.operation,
        entry.outcome === 'ok' ? { result: entry.result! } : undefined,
      );
      return next !== undefined && place([...done, entry], next.state);
    });
  };
  return place([], 0);
}
