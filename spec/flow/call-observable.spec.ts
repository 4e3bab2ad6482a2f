import { describe, expect, it, jest } from '@jest/globals';
import { map, retry, share } from 'rxjs';
import { reportUnhandled } from '../../lib/flow/unhandled.js';
import { CallObservable } from '../../lib/flow/call-observable.js';
import { Inbound } from '../../lib/flow/inbound.js';

interface Calls {
  readonly inbounds: Inbound<number>[];
  cancelled: number;
  released: number;
  readonly items: CallObservable<number>;
}

function calls(guard?: () => void): Calls {
  const made: Calls = {
    inbounds: [],
    cancelled: 0,
    released: 0,
    items: new CallObservable<number>((attach) => {
      const inbound = new Inbound<number>({
        route: 'route',
        report: () => undefined,
        decode: (payload) => payload[0]!,
        release: () => made.released++,
        onThrown: reportUnhandled,
        undecodable: () => undefined,
      });
      made.inbounds.push(inbound);
      attach(inbound);
      return () => {
        made.cancelled++;
        inbound.discard();
      };
    }, guard),
  };
  return made;
}

describe('a call observable', () => {
  it('makes one call per subscription, for every kind of call', async () => {
    const made = calls();
    expect(made.items.deliveries).toBe(made.items.deliveries);
    expect(made.inbounds).toHaveLength(0);
    const values: number[] = [];
    made.items.subscribe((value) => values.push(value));
    made.items.deliveries.subscribe(({ value }) => values.push(10 * value));
    const loop = made.items[Symbol.asyncIterator]();
    const asked = loop.next();
    expect(made.inbounds).toHaveLength(3);
    for (const [index, inbound] of made.inbounds.entries()) inbound.push(Uint8Array.of(index + 1));
    expect(values).toStrictEqual([1, 20]);
    expect(await asked).toStrictEqual({ done: false, value: 3 });
    expect(made.released).toBe(1);
    await loop.return();
    expect([made.released, made.cancelled]).toStrictEqual([2, 1]);
  });

  it('needs no garbage collector in a loop, which always releases', async () => {
    const register = jest.spyOn(FinalizationRegistry.prototype, 'register');
    const { items, inbounds } = calls();
    const loop = items[Symbol.asyncIterator]();
    const asked = loop.next();
    inbounds[0]!.push(Uint8Array.of(1));
    await asked;
    expect(register).not.toHaveBeenCalled();
    items.deliveries.subscribe();
    inbounds[1]!.push(Uint8Array.of(1));
    expect(register).toHaveBeenCalledTimes(1);
    register.mockRestore();
    await loop.return();
  });

  it('cancels the call when it is unsubscribed', () => {
    const made = calls();
    made.items.subscribe().unsubscribe();
    made.items.deliveries.subscribe().unsubscribe();
    expect(made.cancelled).toBe(2);
  });

  it('throws out of subscribe where its guard refuses, so that retry() cannot subscribe endlessly', () => {
    let free = true;
    const { items, inbounds } = calls(() => {
      if (!free) throw new Error('taken');
      free = false;
    });
    const log: unknown[] = [];
    items.pipe(map(Number), retry()).subscribe({ error: (error: unknown) => log.push(error) });
    inbounds[0]!.end(new Error('of the call'));
    expect(log).toStrictEqual([new Error('taken')]);
    items.pipe(retry()).subscribe({ error: (error: unknown) => log.push(error) });
    expect(log).toStrictEqual([new Error('taken'), new Error('taken')]);
    expect(() => items.subscribe()).toThrow('taken');
    expect(() => items.deliveries.subscribe()).toThrow('taken');
    expect(inbounds).toHaveLength(1);
  });

  it('reports its refusal behind share, and so to a retry behind that, too', () => {
    let subscriptions = 0;
    const { items, inbounds } = calls(() => {
      if (subscriptions++ > 0) throw new Error('taken');
    });
    const log: unknown[] = [];
    items.pipe(share(), retry(3)).subscribe({ error: (error: unknown) => log.push(error) });
    inbounds[0]!.end(new Error('of the call'));
    expect([log.splice(0), subscriptions]).toStrictEqual([[new Error('taken')], 4]);
    items.pipe(retry(), share()).subscribe({ error: (error: unknown) => log.push(error) });
    expect([log, subscriptions]).toStrictEqual([[new Error('taken')], 5]);
  });
});
