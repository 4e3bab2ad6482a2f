import { describe, expect, it } from '@jest/globals';
import { filter, map, Subject } from 'rxjs';
import { duplex, type Codec } from '../../lib/index.js';
import { encodeOnce, shareItem } from '../../lib/flow/shared-item.js';
import { consume } from '../../lib/operators/consume.js';
import { multicast } from '../../lib/operators/multicast.js';
import { PairOfEachTest, record } from '../support/linked-managers.js';
import { testScheduler } from '../support/streams/marbles.js';

class CountingCodec implements Codec<string> {
  readonly codec = 'counting';
  encodings = 0;

  encode(value: string): Uint8Array {
    if (value === 'bad') throw new TypeError('not encodable');
    this.encodings++;
    return new TextEncoder().encode(value);
  }

  decode(bytes: Uint8Array): string {
    return new TextDecoder().decode(bytes);
  }
}

describe('multicast', () => {
  it('shares one subscription among all subscribers, and restarts after the last has left', () => {
    testScheduler().run(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('-a-b-c-|');
      const shared = source.pipe(multicast());
      expectObservable(shared, '^---!').toBe('-a-b-');
      expectObservable(shared, '--^--!').toBe('---b-');
      expectObservable(shared, '------^-!').toBe('-------a-');
      expectSubscriptions(source.subscriptions).toBe(['^----!', '------^-!']);
    });
  });

  it('passes completion and error on to all', () => {
    testScheduler().run(({ hot, expectObservable }) => {
      const ending = hot('-a-|').pipe(multicast());
      const failing = hot('-a-#').pipe(multicast());
      for (let n = 0; n < 2; n++) {
        expectObservable(ending).toBe('-a-|');
        expectObservable(failing).toBe('-a-#');
      }
    });
  });
});

describe('multicast into streams', () => {
  const pair = new PairOfEachTest();

  async function start(codec: Codec<string>): Promise<Subject<string>> {
    const source = new Subject<string>();
    const shared = source.pipe(multicast());
    await pair.link(({ b }) => {
      b.handle(duplex({ id: 9, name: 'same', output: codec }), () => shared.pipe(filter((text) => text !== '')));
      b.handle(duplex({ id: 10, name: 'mapped', output: codec }), () => shared.pipe(map((text) => `${text}!`)));
    });
    return source;
  }

  it('encodes an item once for all streams of a route, for fast and slow readers', async () => {
    const codec = new CountingCodec();
    const source = await start(codec);
    const same = duplex({ id: 9, name: 'same', output: codec });
    const logs = Array.from({ length: 5 }, () => record(pair.ab.stream(same)).log);
    const gate = new Subject<never>();
    const late: string[] = [];
    record(pair.ab.stream(same).pipe(consume((item) => (late.push(item), gate))));
    await pair.grid.settle();
    for (let n = 0; n < 100; n++) source.next(`item ${String(n)}`);
    await pair.grid.settle();
    expect(codec.encodings).toBe(100);
    expect(late).toHaveLength(1);
    gate.complete();
    await pair.grid.settle();
    const expected = Array.from({ length: 100 }, (_, n) => `item ${String(n)}`);
    for (const log of [...logs, late]) expect(log).toStrictEqual(expected);
  });

  it('encodes for each stream what an operator made of the item', async () => {
    const codec = new CountingCodec();
    const source = await start(codec);
    const mapped = duplex({ id: 10, name: 'mapped', output: codec });
    const logs = [1, 2].map(() => record(pair.ab.stream(mapped)).log);
    await pair.grid.settle();
    source.next('a');
    await pair.grid.settle();
    expect([logs, codec.encodings]).toStrictEqual([[['a!'], ['a!']], 2]);
  });

  it('fails each stream whose item cannot be encoded', async () => {
    const codec = new CountingCodec();
    const source = await start(codec);
    const same = duplex({ id: 9, name: 'same', output: codec });
    const logs = [1, 2].map(() => record(pair.ab.stream(same)).log);
    await pair.grid.settle();
    source.next('bad');
    await pair.grid.settle();
    expect(logs).toStrictEqual([[expect.any(Error)], [expect.any(Error)]]);
    expect(source.observed).toBe(false);
  });
});

describe('a shared item', () => {
  it('has one payload per codec, and none once it is delivered', () => {
    const codecs = [new CountingCodec(), new CountingCodec(), new CountingCodec()];
    const encodeAll = (): void => {
      for (const codec of [...codecs, ...codecs]) encodeOnce(codec, 'x');
    };
    shareItem('x', encodeAll);
    expect(codecs.map(({ encodings }) => encodings)).toStrictEqual([1, 1, 1]);
    encodeAll();
    expect(codecs.map(({ encodings }) => encodings)).toStrictEqual([3, 3, 3]);
  });

  it('is the outer one again behind an inner one, also where that throws', () => {
    const codec = new CountingCodec();
    shareItem('outer', () => {
      encodeOnce(codec, 'outer');
      expect(() => {
        shareItem('inner', () => {
          throw new Error('of a subscriber');
        });
      }).toThrow('of a subscriber');
      encodeOnce(codec, 'outer');
    });
    expect(codec.encodings).toBe(1);
  });
});
