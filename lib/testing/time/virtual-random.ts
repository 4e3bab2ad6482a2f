import type { VirtualClock } from './virtual-clock.js';

type Fill = <T extends ArrayBufferView>(array: T) => T;

/** The randomness of the platform, from the seed of the clock, with a stream of numbers for each function. */
export interface VirtualRandom {
  readonly random: () => number;
  readonly randomUUID: () => string;
  readonly getRandomValues: Fill;
}

/** What `crypto.getRandomValues` fills at most, in bytes. */
const quota = 65_536;

/** See {@link VirtualRandom}. */
export function virtualRandom({ seeded }: VirtualClock): VirtualRandom {
  const [numbers, ids, bytes] = ['Math.random', 'crypto.randomUUID', 'crypto.getRandomValues'].map((label) =>
    seeded.fork(label),
  ) as [typeof seeded, typeof seeded, typeof seeded];
  return {
    random: () => numbers.next(),
    randomUUID: () => {
      const hex = Array.from({ length: 32 }, () => ids.below(16).toString(16));
      // Version 4, variant 1.
      hex[12] = '4';
      hex[16] = (8 + ids.below(4)).toString(16);
      const text = hex.join('');
      return [text.slice(0, 8), text.slice(8, 12), text.slice(12, 16), text.slice(16, 20), text.slice(20)].join('-');
    },
    getRandomValues: (array) => {
      if (!ArrayBuffer.isView(array) || /Float|DataView/.test(Object.prototype.toString.call(array))) {
        throw new DOMException('The data argument must be an integer-type TypedArray', 'TypeMismatchError');
      }
      if (array.byteLength > quota) {
        throw new DOMException(`The requested length exceeds ${quota} bytes`, 'QuotaExceededError');
      }
      const view = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
      for (let index = 0; index < view.length; index++) view[index] = bytes.below(256);
      return array;
    },
  };
}
