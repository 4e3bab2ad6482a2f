import { describe, expect, it } from '@jest/globals';
import { guarded, ThrownErrors } from '../lib/guard.js';

const boom = new Error('boom');

describe('guarded', () => {
  it('passes its argument on, and an error to its handler', () => {
    const log: unknown[] = [];
    const onThrown = (error: unknown): void => void log.push(error);
    guarded(onThrown, (text: string) => log.push(text), 'a');
    guarded(onThrown, () => {
      throw boom;
    });
    expect(log).toStrictEqual(['a', boom]);
  });
});

describe('ThrownErrors', () => {
  it('throws nothing without errors', () => {
    expect(() => {
      new ThrownErrors().throwAny('closing');
    }).not.toThrow();
  });

  it('throws all errors at the end, and flattens those of an inner clean-up', () => {
    const inner = new ThrownErrors();
    inner.add(1);
    inner.add(2);
    const outer = new ThrownErrors();
    guarded(outer.add, () => {
      inner.throwAny('inner');
    });
    outer.add(3);
    let thrown: unknown;
    guarded(
      (error) => (thrown = error),
      () => {
        outer.throwAny('the host is closed');
      },
    );
    expect(thrown).toBeInstanceOf(AggregateError);
    expect(thrown).toMatchObject({ message: 'the host is closed', errors: [1, 2, 3] });
  });
});
