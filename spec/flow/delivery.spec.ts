import { describe, expect, it, jest } from '@jest/globals';
import { config, delay, lastValueFrom, map, share, Subject } from 'rxjs';
import { currentDelivery, DeliverySource, retainCurrent } from '../../lib/flow/delivery.js';

const counted = (): { readonly source: DeliverySource; readonly released: () => number } => {
  let count = 0;
  const source = new DeliverySource(() => {
    count++;
  });
  return { source, released: () => count };
};

describe('a delivery', () => {
  it('returns its credit after next, where it was not retained', () => {
    const { source, released } = counted();
    const during: number[] = [];
    source.deliver({ next: () => during.push(released()) }, 1);
    expect([during, released()]).toStrictEqual([[0], 1]);
  });

  it('returns its credit when its holder releases it, and not before', () => {
    const { source, released } = counted();
    let release: (() => void) | undefined;
    source.deliver({ next: () => (release = retainCurrent()) }, 1);
    expect(released()).toBe(0);
    release?.();
    expect(released()).toBe(1);
  });

  it('is released once, however often its holder releases it', () => {
    const { source, released } = counted();
    let release: (() => void) | undefined;
    source.deliver({ next: () => (release = retainCurrent()) }, 1);
    release?.();
    release?.();
    expect(released()).toBe(1);
  });

  it('waits for the last of several holders', () => {
    const { source, released } = counted();
    const releases: (() => void)[] = [];
    const subject = new Subject<number>();
    const shared = subject.pipe(share());
    for (let count = 0; count < 3; count++) shared.subscribe(() => releases.push(retainCurrent()!));
    source.deliver(subject, 1);
    releases[1]!();
    releases[0]!();
    releases[1]!();
    expect(released()).toBe(0);
    releases[2]!();
    expect(released()).toBe(1);
  });

  it('is not released before next returns, even where its holder finishes at once', () => {
    const { source, released } = counted();
    const during: number[] = [];
    const next = (): void => {
      retainCurrent()?.();
      during.push(released());
    };
    source.deliver({ next }, 1);
    expect([during, released()]).toStrictEqual([[0], 1]);
  });

  it('returns its credit where next throws, and is no longer current', () => {
    const { source, released } = counted();
    const next = (): never => {
      throw new Error('of the consumer');
    };
    expect(() => {
      source.deliver({ next }, 1);
    }).toThrow('of the consumer');
    expect([released(), currentDelivery(), retainCurrent()]).toStrictEqual([1, 0, undefined]);
  });

  it('stays retained where its consumer throws after it retained it', () => {
    const { source, released } = counted();
    let release: (() => void) | undefined;
    const next = (): never => {
      release = retainCurrent();
      throw new Error('of the consumer');
    };
    expect(() => {
      source.deliver({ next }, 1);
    }).toThrow('of the consumer');
    expect(released()).toBe(0);
    release?.();
    expect(released()).toBe(1);
  });

  it('leaves an error of an rxjs consumer to rxjs', async () => {
    const unhandled = jest.fn();
    config.onUnhandledError = unhandled;
    try {
      const { source, released } = counted();
      const subject = new Subject<number>();
      subject.subscribe(() => {
        throw new Error('of the consumer');
      });
      source.deliver(subject, 1);
      expect(released()).toBe(1);
      await new Promise((resolve) => setTimeout(resolve, 0));
      expect(unhandled).toHaveBeenCalledTimes(1);
    } finally {
      config.onUnhandledError = null;
    }
  });
});

describe('the current delivery', () => {
  it('is absent outside of next, and behind an asynchronous operator', async () => {
    const { source, released } = counted();
    const seen: unknown[] = [];
    const subject = new Subject<number>();
    const over = lastValueFrom(
      subject.pipe(
        delay(0),
        map(() => seen.push(retainCurrent(), currentDelivery())),
      ),
    );
    source.deliver(subject, 1);
    subject.complete();
    await over;
    expect([retainCurrent(), currentDelivery(), seen, released()]).toStrictEqual([undefined, 0, [undefined, 0], 1]);
  });

  it('is the innermost of nested streams, and then the outer one again', () => {
    const outer = counted();
    const inner = counted();
    const ids: number[] = [];
    const releases: (() => void)[] = [];
    const next = (): void => {
      ids.push(currentDelivery());
      inner.source.deliver(
        {
          next: () => {
            ids.push(currentDelivery());
            releases.push(retainCurrent()!);
          },
        },
        2,
      );
      ids.push(currentDelivery());
      releases.push(retainCurrent()!);
    };
    outer.source.deliver({ next }, 1);
    expect([ids[0] === ids[2], ids[0] === ids[1]]).toStrictEqual([true, false]);
    releases[0]!();
    expect([outer.released(), inner.released()]).toStrictEqual([0, 1]);
    releases[1]!();
    expect([outer.released(), inner.released()]).toStrictEqual([1, 1]);
  });

  it('is distinguished where one stream delivers within its own delivery', () => {
    const { source, released } = counted();
    const releases: (() => void)[] = [];
    const next = (value: number): void => {
      releases.push(retainCurrent()!);
      if (value < 3) source.deliver({ next }, value + 1);
    };
    source.deliver({ next }, 1);
    expect(released()).toBe(0);
    for (const [index, release] of releases.entries()) {
      release();
      expect(released()).toBe(index + 1);
    }
  });
});
