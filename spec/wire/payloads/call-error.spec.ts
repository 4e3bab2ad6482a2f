import { describe, expect, it } from '@jest/globals';
import { ProtocolError } from '../../../lib/errors.js';
import { decodeCallError, encodeCallError, exhausted } from '../../../lib/wire/payloads/call-error.js';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const bytes = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'));
const plain = { code: 'a', retryable: false, sent: true, data: undefined };

describe('the error of a call', () => {
  it('omits default values', () => {
    expect(hex(encodeCallError({ code: 'a' }))).toBe('81a163a161');
    expect(decodeCallError(bytes('81a163a161'), 100)).toStrictEqual(plain);
  });

  it('carries all fields', () => {
    const error = { code: 'quota', retryable: true, sent: false, data: Uint8Array.of(1, 2) };
    expect(decodeCallError(encodeCallError(error), 100)).toStrictEqual(error);
  });

  it('names the bound that was reached', () => {
    expect(hex(encodeCallError(exhausted('x', true, false)))).toBe(
      `84a163b2${Buffer.from('resource-exhausted').toString('hex')}a172c3a173c2a164c40981a56c696d6974a178`,
    );
  });

  it('omits data beyond the bound, and keeps the rest', () => {
    const error = encodeCallError({ code: 'a', data: new Uint8Array(2_000) });
    expect(decodeCallError(error, 100)).toStrictEqual(plain);
    expect(decodeCallError(error, 2_000).data).toHaveLength(2_000);
  });

  it('skips unknown keys', () => {
    expect(decodeCallError(bytes('82a17803a163a161'), 100)).toStrictEqual(plain);
  });

  it.each([
    ['no map', 'a161'],
    ['no code', '80'],
    ['an empty code', '81a163a0'],
    ['a code that is a number', '81a16301'],
    ['a code of 257 bytes', `81a163da0101${'61'.repeat(257)}`],
    ['retryable that is a text', '82a163a161a172a161'],
    ['data that is a text', '82a163a161a164a161'],
    ['data that is cut off', '82a163a161a164c60000ffff01'],
    ['a byte too many', '81a163a16100'],
  ])('is refused: %s', (_, text) => {
    expect(() => decodeCallError(bytes(text), 100)).toThrow(ProtocolError);
  });
});
