import { describe, expect, it } from '@jest/globals';
import { checkResult, returnAsyncIterator, returnIterator } from '../../../lib/flow/pull/iterators.js';
import { turn } from '../../support/linked-managers.js';

describe('checkResult', () => {
  it.each([undefined, null, 5, 'done', Symbol('done')])('refuses %p, as a loop does', (result) => {
    expect(() => checkResult(result as never)).toThrow(TypeError);
  });

  it('accepts any object', () => {
    const result = { done: false, value: 1 } as const;
    expect(checkResult(result)).toBe(result);
  });
});

describe('the stop of an iterator', () => {
  const stop = async (iterator: object, kind: 'sync' | 'async'): Promise<unknown[]> => {
    const thrown: unknown[] = [];
    const onThrown = (error: unknown): void => void thrown.push(error);
    if (kind === 'sync') returnIterator(iterator as Iterator<unknown>, onThrown);
    else void returnAsyncIterator(iterator as AsyncIterator<unknown>, onThrown);
    await turn();
    return thrown;
  };
  const throwing = {
    return() {
      throw new Error('at once');
    },
  };

  it('passes on errors, thrown at once or later', async () => {
    expect(await stop(throwing, 'sync')).toStrictEqual([new Error('at once')]);
    expect(await stop(throwing, 'async')).toStrictEqual([new Error('at once')]);
    const rejecting = { return: async () => Promise.reject(new Error('later')) };
    expect(await stop(rejecting, 'async')).toStrictEqual([new Error('later')]);
  });

  it('accepts an iterator without return, or with a return that gives no Promise', async () => {
    expect(await stop({}, 'sync')).toStrictEqual([]);
    expect(await stop({}, 'async')).toStrictEqual([]);
    expect(await stop({ return: () => undefined }, 'async')).toStrictEqual([]);
  });
});
