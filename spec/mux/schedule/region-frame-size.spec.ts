import { beforeEach, describe, expect, test } from '@jest/globals';
import { maxRegionFrameBytes, minRegionFrameBytes } from '../../../lib/bounds.js';
import { RegionFrameSize } from '../../../lib/mux/schedule/region-frame-size.js';

describe('the size of region frames', () => {
  let now: number;
  let size: RegionFrameSize;

  beforeEach(() => {
    now = 0;
    size = new RegionFrameSize(() => now);
  });

  function frame(otherMessageSent: boolean): number {
    size.begin();
    if (otherMessageSent) size.otherMessageSent();
    size.end();
    return size.bytes;
  }

  test('stays at its maximum while nothing else is sent', () => {
    expect(frame(false)).toBe(maxRegionFrameBytes);
  });

  test('halves with each frame beside which other muxes send, down to its minimum', () => {
    const sizes = Array.from({ length: 6 }, () => frame(true));
    expect(sizes).toStrictEqual([512 << 10, 256 << 10, 128 << 10, 64 << 10, 64 << 10, 64 << 10]);
    expect(sizes.at(-1)).toBe(minRegionFrameBytes);
  });

  test('is not affected by what other muxes sent before a transfer', () => {
    size.otherMessageSent();
    expect(frame(false)).toBe(maxRegionFrameBytes);
  });

  test('grows again after 50 ms in which nothing else was sent', () => {
    frame(true);
    frame(true);
    now += 49;
    expect(frame(false)).toBe(256 << 10);
    now += 1;
    expect(frame(false)).toBe(512 << 10);
    expect(frame(false)).toBe(1 << 20);
  });
});
