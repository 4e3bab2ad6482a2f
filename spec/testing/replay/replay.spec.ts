import { describe, expect, it } from '@jest/globals';
import { firstValueFrom, lastValueFrom, take, toArray } from 'rxjs';
import { type } from '../../../lib/codec/codec.js';
import { duplex, unary } from '../../../lib/contract/contract.js';
import type { Handles } from '../../../lib/contract/handler.js';
import { recordFrames, recordingEnd } from '../../../lib/monitor/index.js';
import { gridTest, readRecording, replay, RecordingError, type Recording } from '../../../lib/testing/index.js';
import type { FrameRecord } from '../../../lib/recording/records.js';
import { Op } from '../../../lib/wire/ops.js';

const add = unary({ id: 1, name: 'add', request: type<number>(), response: type<number>() });
const fail = unary({ name: 'fail', request: type<string>() });
const count = duplex({ id: 2, name: 'count', request: type<number>(), output: type<number>() });
const sum = duplex({ name: 'sum', input: type<number>(), output: type<number>() });
const price = unary({ id: 3, name: 'price', request: type<string>(), response: type<number>() });
const quote = unary({ id: 4, name: 'quote', request: type<string>(), response: type<number>() });

const later = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

function serve(host: Handles, step = 1): void {
  let total = 0;
  host.handle(add, async (n) => {
    await later(20);
    return (total += n * step);
  });
  host.handle(fail, (text) => {
    throw new Error(text);
  });
  host.handle(count, function* (to) {
    for (let n = 0; n < to; n++) yield n * step;
  });
  host.handle(sum, async function* (_, call) {
    let all = 0;
    for await (const n of call.input) yield (all += n);
  });
  host.handle(quote, async (item, call) => {
    const [each] = await Promise.all([
      firstValueFrom(call.connection('http://b').request(price, item)),
      firstValueFrom(call.connection('http://b').request(price, item)),
    ]);
    return each * 2;
  });
}

/** Records what b does with a; the result is the text of the recording. */
async function recorded(work: 'all' | 'cancel' = 'all', payloads = true): Promise<string> {
  let text = '';
  await gridTest(async ({ cluster, advance }) => {
    const grid = cluster({ hosts: ['a', 'b'], latency: 5 });
    const [a, b] = [grid.host('a'), grid.host('b')];
    serve(a);
    b.handle(price, async (item) => {
      await later(7);
      return item.length;
    });
    await grid.connected();
    const recording = recordFrames(a.manager, { payloads }).subscribe((line) => (text += line));
    const host = b.connection('a');
    if (work === 'all') {
      await Promise.all([firstValueFrom(host.request(add, 3)), firstValueFrom(host.request(add, 4))]);
      await firstValueFrom(host.request(fail, 'no'), { defaultValue: 0 }).catch(() => undefined);
      await lastValueFrom(host.stream(count, 40).pipe(toArray()));
      await lastValueFrom(host.exchange(sum, undefined, () => [1, 2, 3]).pipe(toArray()));
      await firstValueFrom(host.request(quote, 'tea'));
    }
    await firstValueFrom(host.stream(count, 1e6).pipe(take(5), toArray()));
    await advance(100);
    recording.unsubscribe();
    text += recordingEnd(1_000, 'enough');
  });
  return text;
}

const read = async (...args: Parameters<typeof recorded>): Promise<Recording> => readRecording(await recorded(...args));

describe('replay', () => {
  it('returns the recorded results, where the host behaves the same', async () => {
    const recording = await read();
    await gridTest(async ({ clock }) => {
      const host = replay(recording, { runtime: clock });
      expect(host.host).toBe('http://a');
      serve(host);
      const { calls, differences, skipped } = await host.run();
      expect(differences.filter((line) => !line.includes('cancelled'))).toStrictEqual([]);
      expect(skipped).toBe(0);
      expect(calls.map(({ route, by }) => `${by} ${route}`)).toStrictEqual([
        ...['remote add', 'remote add', 'remote fail', 'remote count', 'remote sum', 'remote quote'],
        ...['local price', 'local price', 'remote count'],
      ]);
      const [first, , failed, counted, summed, quoted] = calls;
      expect(first).toMatchObject({ peer: 'http://b', request: 3, replayed: { values: [3], end: 'ok' } });
      // The times are those of the recording.
      expect(first!.replayed!.at).toBeCloseTo(first!.recorded!.at, 0);
      expect(failed!.replayed).toMatchObject({ end: 'error', error: 'no' });
      expect(counted!.replayed!.values).toHaveLength(40);
      expect(summed!.replayed!.values).toStrictEqual([1, 3, 6]);
      expect(quoted!.replayed!.values).toStrictEqual([6]);
    });
  });

  it('reports how the host behaves differently', async () => {
    const recording = await read();
    await gridTest(async ({ clock }) => {
      const host = replay(recording, { runtime: clock });
      serve(host, 10);
      const { differences } = await host.run();
      expect(differences.slice(0, 2)).toStrictEqual([
        expect.stringMatching(/^add of http:\/\/b at \d+\.\d ms: recorded \[3\] \(ok\), now \[30\] \(ok\)$/),
        expect.stringMatching(/^add of http:\/\/b .*: recorded \[7\] \(ok\), now \[70\] \(ok\)$/),
      ]);
    });
  });

  it('gives an unrecorded call a specific error, and lists the calls that are no longer made', async () => {
    const recording = await read();
    await gridTest(async ({ clock }) => {
      const host = replay(recording, { runtime: clock });
      host.handle(price, () => 1);
      host.handle(quote, async (item, call) => {
        const other = call.connection('http://b');
        await firstValueFrom(other.request(price, item));
        return firstValueFrom(other.request(add, 1)).catch(() => -1);
      });
      expect(() => host.handle(price, () => 2)).toThrow('already has a handler');
      const { differences } = await host.run();
      const text = differences.join('\n');
      expect(text).toContain("the host's call of price at http://b");
      expect(text).toContain('recorded ["tea"] (ok), now no such call');
      expect(text).toContain('quote of http://b');
      expect(text).toContain('now [-1] (ok)');
      await expect(host.run()).rejects.toThrow('has run');
    });
  });

  it('stops a handler whose recorded caller cancelled', async () => {
    const recording = await read('cancel');
    await gridTest(async ({ clock }) => {
      const host = replay(recording, { runtime: clock });
      serve(host);
      const { calls } = await host.run();
      expect(calls).toHaveLength(1);
      expect(calls[0]!.recorded!.end).toBe('cancelled');
      expect(calls[0]!.replayed!.end).toBe('cancelled');
      expect(calls[0]!.replayed!.values.length).toBeGreaterThan(4);
      expect(calls[0]!.replayed!.values.length).toBeLessThan(1_000);
    });
  });

  it('neither makes nor answers a call whose payload was too large to be recorded', async () => {
    const recording = await read();
    let adds = 0;
    const records = recording.records.map((record) => {
      if (record.kind !== 'frame' || record.by !== 'remote') return record;
      const isAdd = record.op === Op.Request && record.handler === 1 && adds++ === 0;
      // The answers of price are the only ones that come from the other side.
      return isAdd || record.op === Op.Response ? { ...record, payload: undefined } : record;
    });
    await gridTest(async ({ clock }) => {
      const host = replay({ ...recording, records }, { runtime: clock });
      serve(host);
      const { calls, skipped } = await host.run();
      expect(skipped).toBe(1);
      expect(calls.filter(({ route }) => route === 'add')).toHaveLength(1);
      const quoted = calls.find(({ route }) => route === 'quote');
      expect(quoted!.replayed).toMatchObject({ values: [], end: 'error' });
      expect(quoted!.replayed!.error).toContain('too large to be recorded');
    });
  });

  describe('of a recording that lacks records', () => {
    /** The recording without the frames for which `isMissing` is true, and a gap in place of each. */
    const without = (recording: Recording, isMissing: (record: FrameRecord) => boolean): Recording => ({
      ...recording,
      records: recording.records.map((record) =>
        record.kind === 'frame' && isMissing(record) ? { kind: 'gap', t: record.t, records: 1 } : record,
      ),
    });

    it('is refused, with the remedy', async () => {
      const recording = without(await read('cancel'), ({ op }) => op === Op.MuxServerMsg);
      await gridTest(({ clock }) => {
        expect(() => replay(recording, { runtime: clock })).toThrow(RecordingError);
        expect(() => replay(recording, { runtime: clock })).toThrow(/lacks \d+ records.*--peer.*allowGaps/);
      });
    });

    it('replays the complete calls with allowGaps, and neither compares nor answers the others', async () => {
      const whole = await read();
      // One frame of a call of b, which is played, and one of a call of a, which is answered.
      const isMissing = ({ by, op, handler }: FrameRecord): boolean =>
        (op === Op.Request && handler === quote.id) || (op === Op.Response && by === 'remote');
      await gridTest(async ({ clock }) => {
        const host = replay(
          without(whole, ({ op, by }) => op === Op.MuxClientMsg && by === 'remote'),
          {
            runtime: clock,
            allowGaps: true,
          },
        );
        serve(host);
        const { calls, differences, skipped, missing } = await host.run();
        expect(missing).toBeGreaterThan(1);
        expect(skipped).toBe(1);
        expect(calls.map(({ route }) => route)).not.toContain('sum');
        expect(differences.filter((line) => !line.includes('cancelled'))).toStrictEqual([]);
      });
      await gridTest(async ({ clock }) => {
        const host = replay(without(whole, isMissing), { runtime: clock, allowGaps: true });
        host.handle(price, () => 1);
        let failure = '';
        host.handle(add, async (n, call) => {
          await firstValueFrom(call.connection('http://b').request(price, 'tea')).catch((error: unknown) => {
            failure = String(error);
          });
          return n;
        });
        const { calls } = await host.run();
        expect(failure).toContain('The recording lacks records of this call');
        expect(calls.filter(({ route, by }) => by === 'local' && route === 'price')).toStrictEqual([]);
      });
    });
  });

  it('requires payloads, and a complete recording', async () => {
    const recording = await read('cancel', false);
    await gridTest(({ clock }) => {
      expect(() => replay(recording, { runtime: clock })).toThrow(RecordingError);
      expect(() => replay(recording, { runtime: clock })).toThrow('record with --payloads');
      expect(() => replay(recording, { runtim: clock } as never)).toThrow('runtim');
    });
  });
});
