import { beforeAll, describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { whoDials } from '../../../lib/endpoint/peers/who-dials.js';
import { createChecksum, type Checksum } from '../../../lib/wire/checksum.js';

interface Decision {
  dials: boolean;
  local: string;
  remote: string;
}

const decisions = JSON.parse(readFileSync('spec/vectors/who-dials.json', 'utf8')) as Decision[];

let checksum: Checksum;
beforeAll(async () => {
  checksum = await createChecksum();
});

describe('whoDials', () => {
  it('decides as recorded', () => {
    expect(decisions.length).toBe(132);
    for (const { local, remote, dials } of decisions) {
      expect({ local, remote, dials: whoDials(local, remote, checksum.hash64) }).toStrictEqual({
        local,
        remote,
        dials,
      });
    }
  });

  it('lets exactly one of two hosts dial, and none itself', () => {
    for (const { local, remote } of decisions) {
      expect(whoDials(local, remote, checksum.hash64)).toBe(!whoDials(remote, local, checksum.hash64));
      expect(whoDials(local, local, checksum.hash64)).toBe(false);
    }
  });

  it('compares unsigned numbers', () => {
    const hash64 = (text: string): bigint => (text === 'ab' ? 1n : 0xffff_ffff_ffff_ffffn);
    expect(whoDials('a', 'b', hash64)).toBe(true);
    expect(whoDials('b', 'a', hash64)).toBe(false);
  });

  it.each([
    ['a', 'b'],
    ['a', 'aa'],
    ['', 'a'],
    // U+FFFF is the larger one as a JavaScript string, the smaller one as UTF-8.
    ['\uffff', '\u{10000}'],
  ])('uses the byte order when the hashes are equal: %j before %j', (first, second) => {
    expect(whoDials(first, second, () => 5n)).toBe(true);
    expect(whoDials(second, first, () => 5n)).toBe(false);
    expect(whoDials(first, first, () => 5n)).toBe(false);
  });
});
