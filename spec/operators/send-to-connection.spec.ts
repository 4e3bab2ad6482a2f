import { afterEach, describe, expect, it } from '@jest/globals';
import { EMPTY, NEVER, of, Subject, type Observable } from 'rxjs';
import {
  CancelledError,
  ConfigurationError,
  DisconnectedError,
  duplex,
  RemoteError,
  type,
  type Call,
  type DuplexStream,
  type ManagerOptions,
} from '../../lib/index.js';
import { conflate } from '../../lib/operators/conflate.js';
import { fromIterable } from '../../lib/operators/from-iterable.js';
import { sendTo } from '../../lib/operators/send-to.js';
import { toAsyncIterable } from '../../lib/operators/to-async-iterable.js';
import { linkedPair, pair, record, type Pair } from '../support/linked-managers.js';

const up = duplex({ id: 2, name: 'up', input: type<number>(), output: type<string>(), inCapacity: 2 });
const state = duplex({ id: 3, name: 'state', output: type<number>(), outCapacity: 2 });

describe('sendTo over a connection', () => {
  let net: Pair;
  /** What the handler got of each call, `done` and errors included. */
  let inputs: unknown[][];
  afterEach(async () => net.grid.close());

  async function start(
    handle: (call: Call<number>) => Observable<string> | AsyncIterable<string>,
    options?: Partial<ManagerOptions>,
  ): Promise<DuplexStream<number, string>> {
    inputs = [];
    net = await linkedPair(({ b }) => {
      b.handle(up, (_, call) => handle(call));
    }, options);
    return net.ab.open(up, undefined);
  }

  /** Takes the whole input, and then answers. */
  const takeAll = (call: Call<number>): Observable<string> => {
    const { log } = record(call.input);
    inputs.push(log);
    return toObservable(call, log);
  };
  const toObservable = (call: Call<number>, log: unknown[]): Observable<string> => {
    const answer = new Subject<string>();
    call.signal.addEventListener('abort', () => log.push('aborted'));
    return answer;
  };

  it('sends everything, beyond the window, and half-closes', async () => {
    const stream = await start(takeAll);
    const output = record(stream);
    const { log } = record(fromIterable([1, 2, 3, 4, 5]).pipe(sendTo(stream)));
    expect(log).toStrictEqual([]);
    await net.grid.settle();
    expect(inputs).toStrictEqual([[1, 2, 3, 4, 5, 'done']]);
    expect(log.map((entry) => (entry === 'done' ? entry : (entry as { sent: number }).sent))).toStrictEqual([
      1,
      2,
      3,
      4,
      5,
      'done',
    ]);
    output.unsubscribe();
  });

  it('waits for a connection, with the half-close too', async () => {
    net = pair();
    inputs = [];
    net.b.handle(up, (_, call) => takeAll(call));
    const patient = { waitForConnect: true };
    const [some, none] = [net.ab.open(up, undefined, patient), net.ab.open(up, undefined, patient)];
    const logs = [record(of(1).pipe(sendTo(some))).log, record(EMPTY.pipe(sendTo(none))).log];
    await net.grid.settle();
    expect(logs).toStrictEqual([[], []]);
    await net.grid.start();
    expect(inputs).toStrictEqual([[1, 'done'], ['done']]);
    expect(logs).toStrictEqual([[{ sent: 1, credit: 1 }, 'done'], ['done']]);
  });

  it('cancels the call at both ends when it is unsubscribed', async () => {
    const stream = await start(takeAll);
    const output = record(stream);
    const { unsubscribe } = record(NEVER.pipe(sendTo(stream)));
    await net.grid.settle();
    unsubscribe();
    await net.grid.settle();
    expect(output.log).toStrictEqual([new CancelledError('up was cancelled on this side.')]);
    expect(inputs).toStrictEqual([['aborted', expect.any(CancelledError)]]);
    expect(stream.closed).toBe(true);
  });

  it('fails the call with an error of the source', async () => {
    const stream = await start(takeAll);
    const output = record(stream);
    const source = new Subject<number>();
    const { log } = record(source.pipe(sendTo(stream)));
    await net.grid.settle();
    source.next(1);
    source.error(new Error('of the source'));
    await net.grid.settle();
    expect([log, output.log]).toStrictEqual([
      [{ sent: 1, credit: 1 }, new Error('of the source')],
      [new Error('of the source')],
    ]);
    expect(inputs[0]).toStrictEqual([1, 'aborted', expect.any(CancelledError)]);
  });

  it('errors with the error of the handler, or of the connection', async () => {
    const stream = await start(async function* (call) {
      for await (const value of call.input) if (value === 2) throw new Error('enough');
    });
    record(stream);
    const source = new Subject<number>();
    const { log } = record(source.pipe(sendTo(stream)));
    for (const value of [1, 2]) source.next(value);
    await net.grid.settle();
    expect([log.at(-1), source.observed]).toStrictEqual([new RemoteError('enough'), false]);
    const lost = record(source.pipe(sendTo(net.ab.open(up, undefined))));
    await net.grid.settle();
    net.grid.cut();
    await net.grid.settle();
    expect(lost.log).toStrictEqual([expect.any(DisconnectedError)]);
  });

  it('errors where the handler ends before everything was sent', async () => {
    const stream = await start(async function* (call) {
      for await (const value of call.input) {
        yield String(value);
        break;
      }
    });
    const output = record(stream);
    const { log } = record(NEVER.pipe(sendTo(stream)));
    stream.next(1);
    await net.grid.settle();
    expect([output.log, log]).toStrictEqual([
      ['1', 'done'],
      [new CancelledError('up ended before everything was sent: its handler finished after 0 items.')],
    ]);
  });

  it('errors asynchronously where the stream has ended or its input was completed', async () => {
    const stream = await start(takeAll);
    record(stream);
    await net.grid.settle();
    stream.complete();
    let subscriptions = 0;
    const source = fromIterable([1]);
    const counted = sendTo(stream)(
      Object.assign(source, {
        subscribe: () => {
          subscriptions++;
        },
      }),
    );
    const completed = record(counted);
    expect(completed.log).toStrictEqual([]);
    await net.grid.advance(0);
    expect(completed.log).toStrictEqual([
      new ConfigurationError(
        'The input of up was completed elsewhere after 0 items of this source. Complete it once: join the sources before sendTo().',
      ),
    ]);
    stream.cancel('over');
    const ended = record(counted);
    expect(ended.log).toStrictEqual([]);
    await net.grid.advance(0);
    expect([ended.log, subscriptions]).toStrictEqual([['over'], 0]);
  });

  it('ends where another source completes the input', async () => {
    const stream = await start(takeAll);
    record(stream);
    const slow = record(NEVER.pipe(sendTo(stream)));
    const quick = record(of(1).pipe(sendTo(stream)));
    await net.grid.settle();
    expect([quick.log.at(-1), slow.log]).toStrictEqual(['done', [expect.any(ConfigurationError)]]);
    expect(inputs[0]).toStrictEqual([1, 'done']);
  });

  it('sends values given to next earlier first, before the half-close, too', async () => {
    const stream = await start((call) => {
      inputs.push([]);
      void (async () => {
        await new Promise<void>((resolve) => net.grid.timer(10).subscribe(() => resolve()));
        for await (const value of call.input) inputs[0]!.push(value);
        inputs[0]!.push('done');
      })();
      return NEVER;
    });
    record(stream);
    for (const value of [1, 2, 3, 4]) stream.next(value);
    const { log } = record(EMPTY.pipe(sendTo(stream)));
    await net.grid.settle();
    expect(log).toStrictEqual([]);
    await net.grid.advance(10);
    expect([inputs, log]).toStrictEqual([[[1, 2, 3, 4, 'done']], ['done']]);
    expect(stream.ignored).toBe(0);
  });
});

describe('conflate before the output of a handler, or the input of an exchange', () => {
  it('sends the newest item whenever there is credit', async () => {
    const source = new Subject<number>();
    const net = await linkedPair(({ b }) => {
      b.handle(state, () => source.pipe(conflate()));
    });
    const iterator = net.ab.stream(state, undefined)[Symbol.asyncIterator]();
    const first = iterator.next();
    await net.grid.settle();
    for (let value = 1; value <= 100; value++) source.next(value);
    await net.grid.settle();
    // The window has two items; the newest of all others comes when one is done with.
    expect([await first, await iterator.next()].map(({ value }) => value as number)).toStrictEqual([1, 2]);
    await net.grid.settle();
    source.next(101);
    const third = iterator.next();
    await net.grid.settle();
    expect((await third).value).toBe(100);
    const fourth = iterator.next();
    await net.grid.settle();
    expect((await fourth).value).toBe(101);
    await iterator.return();
    await net.grid.settle();
    expect(source.observed).toBe(false);
    await net.grid.close();
  });

  it('is read by toAsyncIterable as by the stream itself', async () => {
    const net = await linkedPair(({ b }) => {
      b.handle(state, () => fromIterable([1, 2, 3, 4, 5]));
    });
    const values: number[] = [];
    const reading = (async () => {
      for await (const value of toAsyncIterable(net.ab.stream(state, undefined))) values.push(value);
    })();
    await net.grid.settle();
    await reading;
    expect(values).toStrictEqual([1, 2, 3, 4, 5]);
    await net.grid.close();
  });
});
