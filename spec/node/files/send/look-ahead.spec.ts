import { describe, expect, it } from '@jest/globals';
import { maxOpenFiles } from '../../../../lib/bounds.js';
import { lookAhead } from '../../../../lib/node/files/send/look-ahead.js';

interface Work {
  readonly done: (value: number) => void;
  readonly failed: (error: Error) => void;
}

/** Work that the test ends, by its item. */
class Works {
  readonly started = new Map<number, Work>();

  readonly begin = (item: number): Promise<number> =>
    new Promise((done, failed) => {
      this.started.set(item, { done, failed });
    });
}

async function* count(to: number): AsyncGenerator<number> {
  for (let item = 0; item < to; item++) yield item;
}

const one = (): number => 1;
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('lookAhead', () => {
  it('works on as many items at once as their weights allow', async () => {
    const works = new Works();
    const results = lookAhead(count(1_000), works.begin, () => 4);
    const first = results.next();
    await turn();
    expect(works.started.size).toBe(maxOpenFiles / 4);
    works.started.get(0)!.done(0);
    await first;
    void results.next();
    await turn();
    expect(works.started.size).toBe(maxOpenFiles / 4 + 1);
  });

  it('yields results in the order of the items', async () => {
    const works = new Works();
    const results = lookAhead(count(3), works.begin, one);
    const first = results.next();
    await turn();
    for (const item of [2, 1, 0]) works.started.get(item)!.done(item * 10);
    expect([await first, await results.next(), await results.next(), await results.next()]).toStrictEqual([
      { value: 0, done: false },
      { value: 10, done: false },
      { value: 20, done: false },
      { value: undefined, done: true },
    ]);
  });

  it('yields a finished result while the next item is missing', async () => {
    const never = async function* (): AsyncGenerator<number> {
      yield 1;
      await new Promise(() => undefined);
    };
    const results = lookAhead(never(), async (item) => item, one);
    expect(await results.next()).toStrictEqual({ value: 1, done: false });
  });

  it('fails with the error of the work, in its position, and ends the items', async () => {
    let ended = false;
    const items = async function* (): AsyncGenerator<number> {
      try {
        yield* count(1_000);
      } finally {
        ended = true;
      }
    };
    const works = new Works();
    const results = lookAhead(items(), works.begin, one);
    const first = results.next();
    await turn();
    works.started.get(1)!.failed(new Error('second'));
    works.started.get(0)!.done(0);
    expect(await first).toStrictEqual({ value: 0, done: false });
    await expect(results.next()).rejects.toThrow('second');
    expect(ended).toBe(true);
  });

  it('ends the items when the consumer leaves', async () => {
    let ended = false;
    const items = async function* (): AsyncGenerator<number> {
      try {
        yield* count(1_000);
      } finally {
        ended = true;
      }
    };
    for await (const result of lookAhead(items(), async (item) => item, one)) if (result === 3) break;
    expect(ended).toBe(true);
  });
});
