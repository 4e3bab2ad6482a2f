import { expect, it } from '@jest/globals';
import { marbleLines } from '../../../lib/cli/recording/recording-marbles.js';
import { recordedCalls } from '../../../lib/recording/index.js';
import type { FrameRecord, Recording, WireRecord } from '../../../lib/recording/records.js';
import { Op } from '../../../lib/wire/ops.js';

/*
 * Recordings that no host makes: rxgrid decode takes any file.
 */

const frame: FrameRecord = {
  kind: 'frame',
  ...{ t: 0, link: 0, by: 'remote', op: Op.ConnectMux, mux: 1, seq: 0, deadlineMs: 0, handler: 9, flags: 0, size: 0 },
  ...{ payload: undefined, extra: undefined, subroute: undefined, route: undefined },
};

function recordingOf(records: readonly WireRecord[]): Recording {
  return { header: { version: 1, host: 'a', at: 0, payloads: false, library: '1' }, records, truncated: false };
}

it('draws more calls than a function takes arguments', () => {
  const calls = Array.from({ length: 80_000 }, (_, index) => ({ ...frame, op: Op.Request, t: index, mux: index + 1 }));
  expect(marbleLines(recordingOf(calls), 60, () => true)).toHaveLength(160_001);
});

it('stays within its columns where the times go back', () => {
  const item = { ...frame, op: Op.MuxClientMsg };
  const lines = marbleLines(recordingOf([frame, { ...item, t: 9e15 }, { ...item, t: 5 }]), 60, () => true);
  expect(lines.map((line) => line.length <= 60)).not.toContain(false);
  expect(lines[1]).toMatch(/\^-+a/);
});

it('reports missing records, and which calls they may belong to', () => {
  const gap: WireRecord = { kind: 'gap', t: 2, records: 12 };
  const cancel = { ...frame, op: Op.DisconnectServerMux };
  const recording = recordingOf([frame, { ...frame, mux: 2 }, cancel, gap, { ...cancel, mux: 2, t: 4 }]);
  expect(marbleLines(recording, 60, () => true).at(-1)).toBe('2.0 ms: 12 records are missing from here on');
  expect(marbleLines(recording, 60, () => false)).toStrictEqual([
    'no calls',
    '2.0 ms: 12 records are missing from here on',
  ]);
  expect(recordedCalls(recording).map(({ incomplete }) => incomplete)).toStrictEqual([false, true]);
});

it('the calls of each connection end with it', () => {
  const other = { ...frame, link: 1 };
  const closed: WireRecord = { kind: 'closed', t: 3, link: 1, reason: '' };
  const calls = recordedCalls(recordingOf([frame, other, closed, { ...frame, op: Op.DisconnectServerMux, t: 4 }]));
  expect(calls.map(({ link, end, endedAt }) => [link, end, endedAt])).toStrictEqual([
    [0, 'cancelled', 4],
    [1, 'lost', 3],
  ]);
});
