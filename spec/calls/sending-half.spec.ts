import { describe, expect, it } from '@jest/globals';
import { Observable } from 'rxjs';
import { SendingHalf } from '../../lib/calls/sending-half.js';
import { SendingOutlet } from '../../lib/calls/sending-outlet.js';
import type { Outlet } from '../../lib/flow/feed.js';

const bounds = { items: 10, bytes: 1_000 };
const never = (): boolean => false;

class RecordingOutlet implements Outlet<number> {
  canSend = false;
  readonly log: unknown[] = [];
  readonly onThrown = (error: unknown): void => {
    this.log.push(error);
  };

  encode(item: number): Uint8Array {
    return Uint8Array.of(item);
  }

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

describe('the sending half of a stream', () => {
  it('without files sends to the outlet itself', () => {
    const outlet = new RecordingOutlet();
    const half = new SendingHalf(outlet, undefined, 'x', () => undefined);
    expect([half.outlet, half.takesRegions, half.fed]).toStrictEqual([outlet, false, false]);
    half.feed([1, 2], bounds, never);
    expect([half.fed, outlet.log]).toStrictEqual([true, []]);
    outlet.canSend = true;
    half.resumeRegion();
    half.resumeSource();
    expect(outlet.log).toStrictEqual([1, 2, 'complete']);
  });

  it('with files sends through an outlet for regions', () => {
    const outlet = new RecordingOutlet();
    const half = new SendingHalf(outlet, 'raw', 'x', () => undefined);
    expect([half.outlet === outlet, half.takesRegions]).toStrictEqual([false, true]);
    outlet.canSend = true;
    half.feed([1], bounds, never);
    expect(outlet.log).toStrictEqual([1, 'complete']);
  });

  it('stops a source that is fed after the end', () => {
    const outlet = new RecordingOutlet();
    let unsubscribed = false;
    const half = new SendingHalf(outlet, undefined, 'x', () => undefined);
    half.feed(
      new Observable<number>(() => () => {
        unsubscribed = true;
      }),
      bounds,
      () => true,
    );
    expect(unsubscribed).toBe(true);
  });

  it('reports what the source throws when it is stopped, and does not throw it', () => {
    const outlet = new RecordingOutlet();
    const half = new SendingHalf(outlet, 'files', 'x', () => undefined);
    const source: Iterable<number> = {
      [Symbol.iterator]: () => ({
        next: () => ({ done: false, value: 1 }),
        return: () => {
          throw new Error('boom');
        },
      }),
    };
    half.feed(source, bounds, never);
    half.stop();
    expect(outlet.log).toStrictEqual([new Error('boom')]);
  });
});

it('an additional source has an end of its own, and shares everything else with the input', () => {
  const outlet = new RecordingOutlet();
  let ended = 0;
  const sending = new SendingOutlet(outlet, () => ended++);
  expect([sending.canSend, sending.onThrown]).toStrictEqual([false, outlet.onThrown]);
  sending.send(sending.encode(3));
  sending.complete();
  sending.fail('failed');
  expect([outlet.log, ended]).toStrictEqual([[3, 'failed'], 1]);
});
