import { describe, expect, it } from '@jest/globals';
import { unpack as decode } from 'msgpackr';
import { MsgpackWriter } from '../../../lib/wire/msgpack/msgpack-writer.js';

describe('MsgpackWriter', () => {
  it.each<[string, string]>([
    ['an empty text', ''],
    ['ASCII', 'tenant'],
    ['every length of head', 'x'.repeat(0x1f)],
    ['one byte more', 'x'.repeat(0x20)],
    ['the longest that is tried as ASCII', 'x'.repeat(128)],
    ['a longer one', 'x'.repeat(129)],
    ['one that does not fit the first buffer', 'x'.repeat(0x1_0001)],
    ['characters of two, three and four bytes', 'aé€😀'],
    ['a last character that is not ASCII', `${'x'.repeat(31)}é`],
  ])('writes %s', (_, text) => {
    const bytes = new MsgpackWriter().map(1).string('key').string(text).finish();
    expect(decode(bytes)).toStrictEqual({ key: text });
  });

  it.each([0, 0x7f, 0x80, 0xff, 0x100, 0xffff, 0x1_0000, 0xffff_ffff, 0x1_0000_0000, Number.MAX_SAFE_INTEGER])(
    'writes the number %s',
    (value) => {
      expect(Number(decode(new MsgpackWriter().uint(value).finish()))).toBe(value);
    },
  );

  it('shares no bytes with an unfinished or later writer', () => {
    const first = new MsgpackWriter().map(1).string('a');
    const second = new MsgpackWriter().map(1).string('b');
    const written = second.string('2').finish();
    new MsgpackWriter().string('other').finish();
    expect(decode(first.string('1').finish())).toStrictEqual({ a: '1' });
    expect(decode(written)).toStrictEqual({ b: '2' });
  });
});
