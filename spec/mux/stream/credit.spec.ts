import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { toleratedWindows } from '../../../lib/bounds.js';
import { defaultWindow } from '../../../lib/limits.js';
import { ReceiveWindow, type WindowExtensions } from '../../../lib/mux/stream/credit.js';
import { runs } from '../../support/property-runs.js';

/** A sender that obeys, a consumer, and what is between them, for one window. */
class Run {
  readonly window: ReceiveWindow;
  credit: number;
  #granted = true;

  constructor(window: ReceiveWindow) {
    this.window = window;
    this.credit = window.size;
  }

  send(count = 1, bytes = 10): void {
    for (let index = 0; index < count && this.credit > 0; index++) {
      this.credit--;
      const refused = this.window.receive(bytes);
      // Not expect(): there are a million items.
      if (refused !== undefined) throw new Error(`The window refuses an item within its credit: ${refused}`);
    }
  }

  /** Releases, and tells the credit as an engine does at the end of a turn. */
  release(count = 1): void {
    let due = false;
    for (let index = 0; index < count && this.window.held > 0; index++) due = this.window.release() || due;
    if (due) this.grant();
    this.#granted = due;
  }

  grant(): void {
    this.credit += this.window.takeGrant();
  }

  get granted(): boolean {
    return this.#granted;
  }
}

/** Of a connection whose other side announced `credits`, or nothing. */
const extensions = (credits: boolean): WindowExtensions => ({ credits, bytes: false });

const fixed = (size: number, announced = false): Run =>
  new Run(new ReceiveWindow({ initial: size, max: size }, extensions(announced)));
const growing = (initial: number, max: number, maxBytes?: number): Run =>
  new Run(new ReceiveWindow({ initial, max, ...(maxBytes === undefined ? {} : { maxBytes }) }, extensions(true)));

describe('a window towards a peer without the extension', () => {
  /** Takes items until one is refused. */
  const fill = (window: ReceiveWindow, bytes: number): number => {
    while (window.receive(bytes) === undefined);
    return window.held;
  };

  it('accepts a few items beyond its credit, for senders with a larger table, and returns each credit', () => {
    const { window } = fixed(2);
    expect([fill(window, 1), window.receive(1)]).toStrictEqual([2 * toleratedWindows, 'items']);
    for (let item = 0; item < 2 * toleratedWindows; item++) window.release();
    expect(window.takeGrant()).toBe(2 * toleratedWindows);
  });

  it('accepts no more of them than its byte bound allows', () => {
    const window = new ReceiveWindow({ initial: 4, max: 4, maxBytes: 5_000 }, extensions(false));
    // What was granted is taken, whatever its size: only what comes beyond is bounded.
    expect(fill(window, 1_000)).toBe(5);
    expect(fill(new ReceiveWindow({ initial: 4, max: 4, maxBytes: 5_000 }, extensions(false)), 2_000)).toBe(4);
  });

  it('returns each credit at once', () => {
    const run = fixed(16);
    run.send(3);
    expect(run.window.release()).toBe(true);
    expect(run.window.takeGrant()).toBe(1);
    expect(run.window.takeGrant()).toBe(0);
  });

  it('never grows, whatever its options are', () => {
    const run = new Run(new ReceiveWindow({ initial: 4, max: 1000 }, extensions(false)));
    for (let round = 0; round < 100; round++) {
      run.send(4);
      run.release(4);
    }
    expect([run.window.size, run.credit]).toStrictEqual([4, 4]);
  });
});

describe('a window that is announced', () => {
  it('grants credit in batches of a quarter of the window', () => {
    const run = fixed(16, true);
    run.send(8);
    run.release(3);
    expect([run.granted, run.credit]).toStrictEqual([false, 8]);
    run.release(1);
    expect([run.granted, run.credit]).toStrictEqual([true, 12]);
  });

  it('grants each credit where the sender has none left: a consumer may hold all but one', () => {
    const run = fixed(16, true);
    run.send(16);
    for (let round = 0; round < 5; round++) {
      run.release(1);
      expect([run.granted, run.credit, run.window.held]).toStrictEqual([true, 1, 15]);
      run.send(1);
    }
  });

  it('doubles while the consumer keeps up, up to its maximum', () => {
    const run = growing(16, 100);
    const sizes: number[] = [];
    for (let round = 0; round < 6; round++) {
      run.send(run.credit);
      run.release(run.window.held);
      sizes.push(run.window.size);
      expect(run.credit).toBe(run.window.size);
    }
    expect(sizes).toStrictEqual([32, 64, 100, 100, 100, 100]);
  });

  it.each([
    ['as long as it goes round in a round trip', 50, 50, 128],
    ['as long as both ends need a while beyond that', 50, 75.5, 128],
    ['but not where it takes longer: a larger one would hold nobody up less', 50, 76, 16],
    ['but not where a consumer takes a ms for each item', 0.1, 16, 16],
    ['whatever it takes while the round trip is not known', Infinity, 1e6, 128],
  ])('doubles %s', (_, roundTrip, took, size) => {
    let time = 1000;
    const run = new Run(
      new ReceiveWindow({ initial: 16, max: 1000 }, extensions(true), { now: () => time, roundTrip }),
    );
    for (let round = 0; round < 3; round++) {
      run.send(run.credit);
      time += took;
      run.release(run.window.held);
    }
    expect(run.window.size).toBe(size);
  });

  describe('with a long round trip', () => {
    /** The size of a window after it went round so often, in so many ms each, with items of so many bytes. */
    const after = (start: number, rounds: number, took: number, bytes: number, roundTrip = 0.2): number => {
      let time = 1000;
      const pace = { now: () => time, roundTrip };
      const run = new Run(new ReceiveWindow({ initial: 16, max: 16_384, maxBytes: 64 << 20 }, extensions(true), pace));
      const turn = (): void => {
        run.send(run.credit, bytes);
        run.release(run.window.held);
      };
      while (run.window.size < start) turn();
      for (let round = 0; round < rounds; round++) {
        time += took;
        turn();
      }
      return run.window.size;
    };

    it('halves, down to what holds 1 MiB, also below its initial size', () => {
      expect([0, 1, 2, 3, 4].map((rounds) => after(128, rounds, 5, 64 << 10))).toStrictEqual([128, 64, 32, 16, 16]);
      expect([0, 1, 2, 3, 4].map((rounds) => after(16, rounds, 5, 256 << 10))).toStrictEqual([16, 8, 4, 4, 4]);
    });

    it('keeps two items, so that one is under way while the other one is consumed', () => {
      expect(after(16, 9, 50, 4 << 20)).toBe(2);
    });

    it('returns to its initial size, within 1 MiB, where items become smaller', () => {
      let time = 1000;
      const pace = { now: () => time, roundTrip: 0.2 };
      const { window, ...run } = new Run(new ReceiveWindow({ initial: 16, max: 16_384 }, extensions(true), pace));
      let { credit } = run;
      const turn = (bytes: number): void => {
        time += 5;
        for (; credit > 0; credit--) window.receive(bytes);
        while (window.held > 0) window.release();
        credit += window.takeGrant();
      };
      for (let round = 0; round < 5; round++) turn(512 << 10);
      expect(window.size).toBe(2);
      // The frames of a file become smaller where calls begin beside it.
      for (let round = 0; round < 60; round++) turn(64 << 10);
      expect(window.size).toBe(16);
    });

    it('keeps its size where it holds less than 1 MiB', () => {
      expect(after(2048, 3, 50, 100)).toBe(2048);
    });

    describe('beside others on a busy connection', () => {
      /**
       * The size of a window of items of 1 KiB after ten rounds of 10 ms each, of which each item takes the consumer so
       * many.
       */
      const busy = (consumerTime: number, max = 16_384, start = 16): number => {
        let time = 1000;
        const pace = { now: () => time, roundTrip: 0.2 };
        const run = new Run(new ReceiveWindow({ initial: 16, max, maxBytes: 64 << 20 }, extensions(true), pace));
        while (run.window.size < start) {
          run.send(run.credit);
          run.release(run.window.held);
          run.grant();
        }
        for (let round = 0; round < 10; round++) {
          const items = run.credit;
          time += Math.max(0, 10 - items * consumerTime);
          for (let index = 0; index < items; index++) {
            run.send(1, 1 << 10);
            time += consumerTime;
            run.release(1);
          }
          run.grant();
        }
        return run.window.size;
      };

      it('grows to 128 KiB, so that it has something to send when its turn comes', () => {
        expect(busy(0)).toBe(128);
      });

      it('grows no further than its maximum', () => {
        expect(busy(0, 20)).toBe(20);
      });

      it('does not grow where the consumer takes most of the time', () => {
        expect(busy(0.7)).toBe(16);
        expect(busy(5)).toBe(16);
      });

      it('stops growing where the consumer takes an eighth of the time', () => {
        expect(busy(0.04)).toBe(32);
      });

      it('shrinks to its initial size where the consumer takes most of the time, also below 1 MiB', () => {
        expect(busy(0.7, 16_384, 512)).toBe(16);
      });
    });

    it('keeps its size where a round trip takes at most twice the time limit for growing', () => {
      expect(after(128, 3, 1.5, 64 << 10)).toBe(128);
      expect(after(128, 1, 1.7, 64 << 10)).toBe(64);
      expect(after(128, 3, 150, 64 << 10, 50)).toBe(128);
      expect(after(128, 1, 152, 64 << 10, 50)).toBe(64);
    });
  });

  it('doubles also where the consumer takes items one by one that arrived together, as a loop does', () => {
    const run = growing(16, 1000);
    for (let round = 0; round < 8; round++) {
      run.send(run.credit);
      while (run.window.held > 0) run.release(1);
      run.grant();
    }
    expect(run.window.size).toBe(1000);
  });

  it('does not grow while something is held, or while little arrives', () => {
    const run = growing(16, 1000);
    for (let round = 0; round < 20; round++) {
      run.send(16);
      run.release(run.window.held - 1);
    }
    expect(run.window.size).toBe(16);
    const slow = growing(16, 1000);
    slow.send(4);
    slow.release(4);
    expect(slow.window.size).toBe(16);
  });

  it('does not grow beyond maxBytes, by the size of the items received', () => {
    const run = growing(4, 1000, 100_000);
    for (let round = 0; round < 40; round++) {
      run.send(run.credit, 10_000);
      run.release(run.window.held);
    }
    expect(run.window.size).toBeLessThanOrEqual(16);
    expect(run.window.size).toBeGreaterThanOrEqual(10);
  });

  it.each([1 << 10, 16 << 10])('by default holds 50 ms of 1 Gbit/s, in items of %d bytes', (bytes) => {
    const run = growing(defaultWindow.initial, defaultWindow.max);
    for (let round = 0; round < 60; round++) {
      run.send(run.credit, bytes);
      run.release(run.window.held);
    }
    // A quarter of the credit may be on its way back.
    expect(run.window.size * bytes * 0.75).toBeGreaterThan((1e9 / 8) * 0.05);
    expect(run.window.size * bytes).toBeLessThanOrEqual(defaultWindow.maxBytes * 1.01);
  });

  it('halves where most of it is unread, down to its initial size, and withholds the surplus credit', () => {
    const run = growing(4, 64);
    for (let round = 0; round < 6; round++) {
      run.send(run.credit);
      run.release(run.window.held);
    }
    expect(run.window.size).toBe(64);
    const sizes = new Set<number>();
    for (let round = 0; round < 300; round++) {
      run.send(run.credit);
      run.release(1);
      sizes.add(run.window.size);
    }
    expect([...sizes]).toStrictEqual([64, 32, 16, 8, 4]);
    run.release(run.window.held);
    run.grant();
    // Everything is released: what the sender has is the window, not more.
    expect(run.credit).toBe(run.window.size);
  });

  it('grants no credit while the surplus of a shrunk window is withheld', () => {
    const run = growing(4, 64);
    for (let round = 0; round < 6; round++) {
      run.send(run.credit);
      run.release(run.window.held);
    }
    run.send(64);
    while (run.window.size === 64) {
      run.release(1);
      run.send(run.credit);
    }
    expect([run.window.size, run.credit]).toStrictEqual([32, 0]);
    for (let count = 0; count < 31; count++) run.release(1);
    expect([run.window.held, run.credit]).toStrictEqual([32, 0]);
  });

  it('shrinks where items have become large and exceed maxBytes', () => {
    const run = growing(4, 1024, 100_000);
    for (let round = 0; round < 12; round++) {
      run.send(run.credit, 10);
      run.release(run.window.held);
    }
    expect(run.window.size).toBe(1024);
    // What was granted while they were small stays granted: only from then on is it bounded.
    run.send(run.credit, 10_000);
    run.release(run.window.held);
    run.grant();
    expect([run.window.size, run.credit]).toStrictEqual([10, 10]);
  });

  it('shrinks below its initial size with the first credit, where that many items exceed maxBytes', () => {
    const run = growing(16, 1024, 8 << 20);
    run.send(16, 1 << 20);
    run.release(4);
    expect([run.window.size, run.granted, run.credit]).toStrictEqual([8, true, 0]);
    run.release(12);
    expect(run.credit).toBe(8);
    for (let round = 0; round < 20; round++) {
      run.send(run.credit, 1 << 20);
      run.release(run.window.held);
      expect(run.window.size).toBe(8);
    }
    // And is what it was when items are small again.
    for (let round = 0; round < 20; round++) {
      run.send(run.credit, 10);
      run.release(run.window.held);
    }
    expect(run.window.size).toBeGreaterThanOrEqual(16);
  });

  it('lets one item through however large it is', () => {
    const run = growing(16, 1024, 1000);
    for (let round = 0; round < 20; round++) {
      run.send(run.credit, 5_000);
      run.release(run.window.held);
    }
    expect([run.window.size, run.credit]).toStrictEqual([1, 1]);
  });

  it('has no bound in bytes towards a peer that relies on its size', () => {
    const run = new Run(new ReceiveWindow({ initial: 16, max: 1000, maxBytes: 1000 }, extensions(false)));
    run.send(16, 1 << 20);
    for (let count = 0; count < 16; count++) {
      run.window.release();
      run.grant();
    }
    expect([run.window.size, run.credit]).toStrictEqual([16, 16]);
  });
});

describe('a window whose bytes both sides count', () => {
  const make = (initial: number, max: number, maxBytes: number): ReceiveWindow =>
    new ReceiveWindow({ initial, max, maxBytes }, { credits: true, bytes: true });

  it('refuses an item sent while the byte bound is reached by unacknowledged items', () => {
    const window = make(16, 16, 3_000);
    for (let item = 0; item < 3; item++) expect(window.receive(1_000)).toBe(undefined);
    expect(window.receive(1)).toBe('bytes');
  });

  it('accepts one item of any size', () => {
    const window = make(16, 16, 1);
    expect([window.receive(1 << 20), window.receive(1)]).toStrictEqual([undefined, 'bytes']);
  });

  it('refuses an item beyond its credit, however small: the sender knows this window', () => {
    const window = make(2, 2, 3_000);
    expect([window.receive(1), window.receive(1), window.receive(1)]).toStrictEqual([undefined, undefined, 'items']);
  });

  it('counts released items until a grant acknowledges them', () => {
    const window = make(16, 16, 2_000);
    window.receive(2_000);
    window.release();
    expect([window.acknowledged, window.receive(1)]).toStrictEqual([1, 'bytes']);
    window.takeGrant();
    expect([window.acknowledged, window.receive(1)]).toStrictEqual([0, undefined]);
  });

  it('grants at once where the sender may be blocked by the bytes alone', () => {
    const window = make(16, 16, 4_000);
    for (let item = 0; item < 4; item++) window.receive(1_000);
    expect(window.release()).toBe(true);
    const small = make(16, 16, 40_000);
    for (let item = 0; item < 4; item++) small.receive(1_000);
    expect([small.release(), small.hasGrant]).toStrictEqual([false, true]);
  });

  it('acknowledges released items, also where the window shrinks and no credit is owed', () => {
    const window = make(4, 64, 100_000);
    for (let round = 0; round < 6; round++) {
      for (let item = 0; item < 4; item++) window.receive(10);
      while (window.held > 0) window.release();
      window.takeGrant();
    }
    let largest = 0;
    // Most of the window waits: it shrinks, and keeps the credit of what is released.
    for (let round = 0; round < 200 && window.size >= largest; round++) {
      largest = window.size;
      while (window.receive(10) === undefined);
      window.release();
      window.takeGrant();
    }
    window.release();
    expect([window.owed, window.acknowledged, window.hasGrant]).toStrictEqual([0, 1, true]);
  });

  it('is no larger than the part that the sender uses', () => {
    const window = make(16, 1_000, 100_000);
    window.limit(8, 5_000);
    for (let item = 0; item < 8; item++) expect(window.receive(1)).toBe(undefined);
    expect([window.receive(1), window.size]).toStrictEqual(['items', 8]);
    for (let item = 0; item < 2; item++) window.release();
    // A quarter of what the sender has, not of what this side would take.
    expect(window.takeGrant()).toBe(2);
  });
});

it('keeps its invariants: an obedient sender is never refused, and never exceeds the maximum', () => {
  const step = fc.record({
    what: fc.constantFrom('send', 'release', 'grant'),
    count: fc.nat({ max: 40 }),
    bytes: fc.nat(50_000),
  });
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 20 }),
      fc.integer({ min: 0, max: 200 }),
      fc.boolean(),
      fc.array(step, { maxLength: 200 }),
      (initial, more, announced, steps) => {
        const max = initial + more;
        const { window, ...run } = new Run(
          new ReceiveWindow({ initial, max, maxBytes: 100_000 }, extensions(announced)),
        );
        let { credit } = run;
        for (const { what, count, bytes } of steps) {
          for (let index = 0; index < count; index++) {
            if (what === 'send' && credit > 0) {
              credit--;
              expect(window.receive(bytes)).toBe(undefined);
            } else if (what === 'release' && window.held > 0) {
              if (window.release() && index % 3 === 0) credit += window.takeGrant();
            } else if (what === 'grant') credit += window.takeGrant();
          }
          expect(window.size).toBeGreaterThanOrEqual(announced ? 1 : initial);
          expect(window.size).toBeLessThanOrEqual(announced ? max : initial);
          expect(credit + window.held + window.owed).toBeGreaterThanOrEqual(window.size);
          expect(credit + window.held + window.owed).toBeLessThanOrEqual(announced ? max : initial);
        }
        while (window.held > 0) window.release();
        credit += window.takeGrant();
        // A sender is never left with nothing for good.
        expect(credit).toBeGreaterThanOrEqual(window.size);
        for (; credit > 0; credit--) expect(window.receive(1)).toBe(undefined);
        if (window.size >= initial * toleratedWindows) expect(window.receive(1)).toBe('items');
      },
    ),
    { numRuns: runs(500) },
  );
});
