import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { readRecording, RecordingError } from '../../lib/recording/index.js';
import { headerLine, recordLine } from '../../lib/recording/write-lines.js';
import type { FrameRecord, WireRecord } from '../../lib/recording/records.js';

const header = { version: 1, host: 'http://a', at: 1_800_000_000_000, payloads: true, library: '1.2.3' };
const head = headerLine(header);
const frame: FrameRecord = {
  kind: 'frame',
  by: 'remote',
  ...{ t: 1.5, link: 1, op: 14, mux: 7, seq: 2, deadlineMs: 60_000, handler: 9, flags: 2 },
  ...{ size: 2, payload: Uint8Array.of(1, 2), extra: Uint8Array.of(3), subroute: new Uint8Array(32).fill(5), route: 0 },
};
const records: readonly WireRecord[] = [
  {
    kind: 'route',
    t: 0,
    route: 0,
    name: 'x',
    type: 'unary',
    handler: 9,
    request: 'raw',
    output: 'raw',
    input: undefined,
  },
  {
    ...{ kind: 'opened', t: 0, link: 1, host: 'http://b', peer: 'host', extended: true, extensions: ['ack', 'err'] },
    calls: [{ mux: 2n ** 60n, by: 'local', route: 0 }],
  },
  frame,
  { ...frame, mux: 2n ** 63n + 1n, op: 200, payload: undefined, size: 9, extra: undefined, subroute: undefined },
  { kind: 'gap', t: 2, records: 12 },
  { kind: 'closed', t: 3, link: 1, reason: 'gone \u202e' },
  { kind: 'end', t: 4, reason: 'enough' },
];
const lines = [head, ...records.map(recordLine)];
const text = `${lines.join('\n')}\n`;
const withLine = (line: string): string => `${head}\n${line}\n`;

describe('readRecording', () => {
  it('reads a written recording', () => {
    expect(readRecording(text)).toStrictEqual({ header, records, truncated: false });
    expect(readRecording(new TextEncoder().encode(text))).toStrictEqual({ header, records, truncated: false });
    // A terminal acts on nothing in the file.
    expect(text).toMatch(/^[\n\u0020-\u007e]+$/);
  });

  it('refuses a truncated recording, cut anywhere, and says how to read it', () => {
    for (let length = head.length + 1; length < text.length - 1; length += 7) {
      expect(() => readRecording(text.slice(0, length))).toThrow(
        /^The recording is cut off after \d records: .*allowTruncated/,
      );
      const { records: read, truncated } = readRecording(text.slice(0, length), { allowTruncated: true });
      expect([read.length < records.length, truncated]).toStrictEqual([true, true]);
    }
    for (let length = 1; length < head.length - 1; length += 5) {
      expect(() => readRecording(text.slice(0, length), { allowTruncated: true })).toThrow('not a recording of rxgrid');
    }
  });

  it('refuses another version, another kind of file, a missing file, and one that is too large', () => {
    const other = headerLine({ ...header, version: 9 });
    expect(() => readRecording(`${other}\n`)).toThrow(
      'Line 1 of the recording: its format has the version 9, and this rxgrid reads version 1. Use the rxgrid that recorded it, or a newer one.',
    );
    for (const wrong of ['{}', '[]', 'null', '\u0000\u0001', '{"rxgrid":"config"}', '\u007fELF']) {
      expect(() => readRecording(wrong)).toThrow('not a recording of rxgrid. rxgrid record makes one.');
    }
    expect(() => readRecording('')).toThrow('The recording is empty');
    expect(() => readRecording(text, { maxBytes: 100 })).toThrow('at most 100 are read (maxBytes)');
    expect(() => readRecording(text, { maxBites: 100 } as never)).toThrow('maxBites');
  });

  it.each([
    ['{"t":1}', '"kind" has to be one of frame'],
    ['{"t":-1,"kind":"gap","records":1}', '"t" has to be a time in ms, and not -1'],
    ['{"t":1,"kind":"gap","records":1e99}', '"records" has to be a whole number'],
    ['{"t":0,"kind":"frame","link":1,"by":"me","op":"Request"}', '"by" has to be "local" or "remote", and not "me"'],
    ['{"t":0,"kind":"frame","link":1,"by":"local","op":"constructor"}', '"op" has to be the name of an op'],
    [
      '{"t":0,"kind":"frame","link":1,"by":"local","op":"Ping","mux":"18446744073709551616"}',
      '"mux" has to be a number of 64 bits',
    ],
    ['{"t":0,"kind":"frame","link":1,"by":"local","op":"Ping","mux":-1}', '"mux" has to be'],
    [
      '{"t":0,"kind":"frame","link":1,"by":"local","op":"Ping","size":3,"payload":"AQI="}',
      '"payload" has to be 3 bytes',
    ],
    ['{"t":0,"kind":"frame","link":1,"by":"local","op":"Ping","size":3,"payload":"?"}', '"payload" has to be base64'],
    ['{"t":0,"kind":"frame","link":1,"by":"local","op":"Ping","subroute":"AQI="}', '"subroute" has to be 32 bytes'],
    [
      '{"t":0,"kind":"opened","link":1,"host":"x","peer":"host","extensions":[],"calls":[1]}',
      '"calls" has to be a list',
    ],
    ['[1]', 'it is not an object'],
    ['{"t":', 'it is not JSON'],
  ])('names the line and field of %s that is wrong', (line, message) => {
    const reading = (): unknown => readRecording(withLine(line));
    expect(reading).toThrow(RecordingError);
    expect(reading).toThrow(`Line 2 of the recording: ${message}`);
  });

  it('throws nothing but a RecordingError for damaged files', () => {
    fc.assert(
      fc.property(fc.nat(text.length - 1), fc.string({ maxLength: 3 }), fc.nat(5), (at, put, cut) => {
        try {
          readRecording(text.slice(0, at) + put + text.slice(at + cut), { allowTruncated: true });
        } catch (error) {
          expect(error).toBeInstanceOf(RecordingError);
        }
      }),
    );
  });
});
