import { describe, expect, it } from '@jest/globals';

import { type Sink, sinks, withSink } from '../../lib/codec/msgpack-sink.js';

describe('the spare sink', () => {
  it('serves one encoding after the other, and not two at once', () => {
    const used: Sink[] = [];
    const run = (within?: () => void) => (): Uint8Array => {
      used.push(sinks.alloc(2048));
      within?.();
      return new Uint8Array(0);
    };
    withSink(run());
    withSink(
      run(() => {
        withSink(run());
      }),
    );
    withSink(run());
    const [first, second, inner, last] = used;
    expect(second).toBe(first);
    expect(inner).not.toBe(first);
    expect(last).toBe(first);
  });

  it('is returned after an encoding that failed', () => {
    let used: Sink | undefined;
    const failing = (): never => {
      used = sinks.alloc(1);
      throw new Error('no');
    };
    expect(() => withSink(failing)).toThrow('no');
    withSink(() => {
      expect(sinks.alloc(1)).toBe(used);
      return new Uint8Array(0);
    });
  });

  it('is not used by an encoding that needs more', () => {
    withSink(() => {
      expect(sinks.alloc(1 << 20).length).toBe(1 << 20);
      expect(sinks.alloc(1).length).toBe(1 << 16);
      return new Uint8Array(0);
    });
  });
});
