import { describe, expect, it } from '@jest/globals';
import { concat, EMPTY, Observable, throwError } from 'rxjs';
import { SendingHalf, type SendingOwner } from '../../lib/calls/sending-half.js';
import { sendRegion, type RegionItem, type RegionPort, type RegionSending } from '../../lib/codec/region-item.js';
import type { FileStream } from '../../lib/contract/received-files.js';
import type { StreamMux } from '../../lib/mux/stream/stream.js';

const bounds = { items: 10, bytes: 1_000 };

type Item = number | RegionItem;

/** One end of a stream, and the stream, without a connection: what happens to either is logged. */
class End implements SendingOwner<Item> {
  readonly route = 'x';
  readonly log: unknown[] = [];
  writable = true;
  readonly onThrown = (error: unknown): void => {
    this.log.push(error);
  };

  encode(item: number): Uint8Array {
    return Uint8Array.of(item);
  }

  /** The stream's. */
  send(payload: Uint8Array): void {
    this.log.push(payload[0]);
  }

  complete(): void {
    this.log.push('complete');
  }

  fail(error: unknown): void {
    this.log.push(error);
  }
}

function halfOf(end: End, form?: 'raw' | 'files'): SendingHalf<Item> {
  const half = new SendingHalf<Item>(end, form, bounds);
  half.attach(end as unknown as StreamMux, {} as FileStream);
  return half;
}

/** A region item that the test ends. */
class Region {
  end: (failure?: { readonly error: unknown }) => void = () => undefined;
  port: RegionPort | undefined = undefined;
  readonly log: string[] = [];

  [sendRegion](port: RegionPort, ended: (failure?: { readonly error: unknown }) => void): RegionSending {
    this.port = port;
    this.end = ended;
    return { resume: () => this.log.push('resume'), stop: () => this.log.push('stop') };
  }

  get item(): RegionItem {
    return this as unknown as RegionItem;
  }
}

/** Logs what its observer is notified of. */
function observer(log: unknown[]) {
  return {
    sent: () => log.push('sent'),
    done: () => log.push('done'),
    failed: (error: unknown) => log.push(`failed: ${(error as Error).message}`),
  };
}

const never = new Observable<number>();

describe('the sending half of a stream', () => {
  it('sends the items of the source to the stream, and waits while it is not writable', () => {
    const end = new End();
    const half = halfOf(end);
    end.writable = false;
    half.feed([1, 2]);
    expect([half.takesRegions, half.fed, end.log]).toStrictEqual([false, true, []]);
    end.writable = true;
    half.resume();
    expect(end.log).toStrictEqual([1, 2, 'complete']);
  });

  it('waits for the stream to open', () => {
    const end = new End();
    const half = new SendingHalf<Item>(end, undefined, bounds);
    half.feed([1]);
    expect(end.log).toStrictEqual([]);
    half.attach(end as unknown as StreamMux, {} as FileStream);
    half.resume();
    expect(end.log).toStrictEqual([1, 'complete']);
  });

  it('does not subscribe to an Observable after the end, and lets an iterator clean up', () => {
    const half = halfOf(new End());
    half.stop();
    let subscribed = false;
    half.feed(
      new Observable<number>(() => {
        subscribed = true;
      }),
    );
    let returned = false;
    const iterator = {
      next: () => ({ done: false as const, value: 1 }),
      return: () => {
        returned = true;
        return { done: true as const, value: undefined };
      },
    };
    half.feed({ [Symbol.iterator]: () => iterator });
    expect([subscribed, returned]).toStrictEqual([false, true]);
  });

  it('stops a source that ends the stream with its first item', () => {
    const end = new End();
    const half = halfOf(end);
    end.send = () => {
      half.end(undefined);
    };
    let unsubscribed = false;
    half.feed(
      new Observable<number>((subscriber) => {
        subscriber.next(1);
        return () => {
          unsubscribed = true;
        };
      }),
    );
    expect(unsubscribed).toBe(true);
  });

  it('reports errors thrown by the source when it is stopped, and does not throw them', () => {
    const end = new End();
    const half = halfOf(end, 'files');
    end.writable = false;
    const source: Iterable<number> = {
      [Symbol.iterator]: () => ({
        next: () => ({ done: false, value: 1 }),
        return: () => {
          throw new Error('boom');
        },
      }),
    };
    half.feed(source);
    half.stop();
    expect(end.log).toStrictEqual([new Error('boom')]);
  });
});

describe('a region item', () => {
  it('sends itself, while other items and the end of the source wait', () => {
    const end = new End();
    const half = halfOf(end, 'raw');
    const region = new Region();
    half.feed([1, region.item, 2]);
    half.resume();
    expect([end.log, region.log, region.port?.form]).toStrictEqual([[1], ['resume'], 'raw']);
    region.end();
    expect(end.log).toStrictEqual([1, 2, 'complete']);
  });

  it.each([
    ['completes', EMPTY, 'complete'],
    ['fails', throwError(() => new Error('boom')), new Error('boom')],
  ] as const)('lets a source that %s meanwhile end afterwards', (_, ending, last) => {
    const end = new End();
    const half = halfOf(end, 'raw');
    const region = new Region();
    half.feed(concat([region.item], ending));
    expect(end.log).toStrictEqual([]);
    region.end();
    expect(end.log).toStrictEqual([last]);
  });

  it('fails the sending half where it fails, and is stopped with the stream', () => {
    const end = new End();
    const half = halfOf(end, 'raw');
    const [first, second] = [new Region(), new Region()];
    half.feed([first.item]);
    first.end({ error: 'disk' });
    expect(end.log).toStrictEqual(['disk']);
    const other = halfOf(end, 'raw');
    other.feed([second.item]);
    other.end(undefined);
    second.end();
    expect([end.log, second.log]).toStrictEqual([['disk'], ['stop']]);
  });
});

describe('an additional source', () => {
  it('shares the stream and the turns of region items, and has its own end', () => {
    const end = new End();
    const half = halfOf(end, 'raw');
    const log: unknown[] = [];
    const region = new Region();
    const completed = (): void => {
      log.push('completed');
      half.halfClosed();
    };
    const source = half.observedSource(observer(log), completed);
    half.add(source);
    half.feed([region.item, 1]);
    source.start([2]);
    expect([end.log, log]).toStrictEqual([[], []]);
    region.end();
    expect([end.log, log]).toStrictEqual([
      [1, 'complete', 2],
      ['sent', 'completed', 'done'],
    ]);
  });

  it('is notified where the stream ends first, and accepts nothing more', () => {
    const end = new End();
    const half = halfOf(end);
    const log: unknown[] = [];
    const source = half.observedSource(observer(log), () => undefined);
    half.add(source);
    source.start(never);
    half.end(new Error('lost'));
    half.end(new Error('again'));
    expect([source.canSend, log]).toStrictEqual([false, ['failed: lost']]);
  });
});
