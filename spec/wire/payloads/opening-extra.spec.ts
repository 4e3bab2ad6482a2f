import { describe, expect, it } from '@jest/globals';
import { ProtocolError } from '../../../lib/errors.js';
import { MsgpackWriter } from '../../../lib/wire/msgpack/msgpack-writer.js';
import {
  decodeOpeningExtra,
  encodeMeta,
  maxMetaEntries,
  metaFault,
  openingExtra,
  requestExtra,
} from '../../../lib/wire/payloads/opening-extra.js';

const hex = (bytes: Uint8Array | undefined): string => Buffer.from(bytes!).toString('hex');
const bytes = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'));
const window = { items: 16, bytes: 8 << 20 };
const tenant = encodeMeta({ tenant: 'a' });

describe('the extra bytes of an opening frame', () => {
  it('carry the window of the output', () => {
    expect(hex(openingExtra(window, undefined))).toBe('82a17710a162ce00800000');
    expect(decodeOpeningExtra(bytes('82a17710a162ce00800000'))).toStrictEqual({ window, meta: undefined });
    expect(openingExtra(undefined, undefined)).toBeUndefined();
  });

  it('have no byte bound where they name none, and require the item bound', () => {
    expect(decodeOpeningExtra(bytes('81a17704')).window).toStrictEqual({ items: 4, bytes: Number.MAX_SAFE_INTEGER });
    expect(() => decodeOpeningExtra(bytes('81a16204'))).toThrow(ProtocolError);
  });

  it('carry metadata, with the window and without', () => {
    expect(hex(requestExtra(tenant))).toBe('81a16d81a674656e616e74a161');
    expect(hex(openingExtra(undefined, tenant))).toBe('81a16d81a674656e616e74a161');
    expect(hex(openingExtra(window, tenant))).toBe('83a17710a162ce00800000a16d81a674656e616e74a161');
    const decoded = decodeOpeningExtra(openingExtra(window, tenant)!);
    expect(decoded.window).toStrictEqual(window);
    expect({ ...decoded.meta }).toStrictEqual({ tenant: 'a' });
    expect(decodeOpeningExtra(requestExtra(tenant)).window).toBeUndefined();
  });

  it('keep the last window, but not the last metadata', () => {
    decodeOpeningExtra(openingExtra(window, undefined)!);
    decodeOpeningExtra(openingExtra(window, tenant)!);
    expect(decodeOpeningExtra(openingExtra(window, undefined)!).meta).toBeUndefined();
  });

  it('return a key that is named like a property of every object as an ordinary one', () => {
    const decoded = decodeOpeningExtra(requestExtra(encodeMeta(Object.fromEntries([['__proto__', 'x']])))).meta!;
    expect(Object.keys(decoded)).toStrictEqual(['__proto__']);
    expect(decoded.constructor).toBeUndefined();
  });

  it.each([
    ['no map', '01'],
    ['metadata that is no map', '81a16dc3'],
    ['a key that is a number', '81a16d8101a161'],
    ['a value that is a number', '81a16d81a16101'],
    ['a key twice', '81a16d82a161a162a161a163'],
    ['more entries than bytes', '81a16ddf00ffffff'],
    ['a text that is cut off', '81a16d81a161d9ff61'],
    ['bytes that are no UTF-8', '81a16d81a161a1ff'],
    ['a byte too many', '81a16d8000'],
  ])('are refused: %s', (_, text) => {
    expect(() => decodeOpeningExtra(bytes(text))).toThrow(ProtocolError);
  });
});

it('does not quote a key of the metadata in its fault: the refusal goes into logs', () => {
  const key = '\u001b[2J'.repeat(1_000);
  const encoded = new MsgpackWriter().map(1).string('m').map(1).string(key).uint(1).finish();
  let fault: unknown;
  try {
    decodeOpeningExtra(encoded);
  } catch (error) {
    fault = error;
  }
  expect(fault).toBeInstanceOf(ProtocolError);
  const { message } = fault as ProtocolError;
  expect(message).toContain('a value of m');
  expect(message.length).toBeLessThan(200);
});

it('reads metadata beyond its bounds, so that the call can be refused, and skips unwanted metadata', () => {
  const many = Object.fromEntries(Array.from({ length: maxMetaEntries + 1 }, (_, index) => [`k${String(index)}`, '']));
  const extra = openingExtra({ items: 4, bytes: 8 }, encodeMeta({ ...many, ['k'.repeat(300)]: 'x' }))!;
  expect(metaFault(decodeOpeningExtra(extra).meta!)).toContain('258 entries');
  expect(decodeOpeningExtra(extra, false)).toStrictEqual({ window: { items: 4, bytes: 8 }, meta: undefined });
  // What was decoded without metadata is not kept for a peer that sends some.
  const short = requestExtra(encodeMeta({ tenant: 'a' }));
  expect(decodeOpeningExtra(short, false).meta).toBeUndefined();
  expect({ ...decodeOpeningExtra(short).meta }).toStrictEqual({ tenant: 'a' });
});

describe('metaFault', () => {
  it('accepts texts, also in other scripts', () => {
    expect(metaFault({ tenant: 'a', ключ: 'значение 🎉', empty: '' })).toBeUndefined();
    expect(metaFault({})).toBeUndefined();
  });

  it.each<[string, Record<string, unknown>, string]>([
    ['an empty key', { '': 'x' }, 'metadata has an empty key'],
    ['a number', { a: 1 }, 'metadata must be texts, and a is of type number'],
    ['a line break', { a: 'x\ny' }, 'the metadata a has control characters or half characters'],
    ['an escape sequence in a key', { '\u001b[2J': 'x' }, 'the key \\u001b[2J of the metadata has control'],
    ['a half character', { a: '\ud83c' }, 'the metadata a has control characters or half characters'],
    ['a long key', { ['ж'.repeat(129)]: 'x' }, 'has more than 256 bytes'],
    [
      'too many entries',
      Object.fromEntries(Array.from({ length: maxMetaEntries + 1 }, (_, index) => [`k${String(index)}`, ''])),
      'metadata has 257 entries, and at most 256 are allowed',
    ],
  ])('refuses %s', (_, meta, text) => {
    expect(metaFault(meta as Record<string, string>)).toContain(text);
  });
});
