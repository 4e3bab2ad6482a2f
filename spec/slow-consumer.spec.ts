import { afterEach, describe, expect, it } from '@jest/globals';
import { NEVER, tap, timer } from 'rxjs';
import { consume, defaultWindow, sendTo } from '../lib/index.js';
import { RealGrid, until } from './support/real-grid.js';
import { Account, consumers, producers, routesWith } from './support/streams/slow-consumers.js';

/** Items that a consumer takes, one each ms or a little more. */
const items = 120;
/** What every consumer does with one item. */
const work = () => timer(1);

let real: RealGrid;
afterEach(async () => {
  await real.close();
});

// The same as spec/calls/slow-consumer.spec.ts, over TCP, where buffers that nobody owns could hide what is ahead.
describe.each([
  ['a fixed window', 16, 17],
  ['the default window', defaultWindow, 17],
] as const)('on real sockets with %s, produced − released ≤ window + 1', (_, window, bound) => {
  const { down, up } = routesWith(window);

  it.each(Object.keys(producers))('for %s, with any consumer, as output and as input', async (producer) => {
    real = new RealGrid();
    const [a, b] = await real.pair();
    const accounts: Account[] = [];
    const ended: Promise<void>[] = [];
    const account = (): { account: Account; work: typeof work } => {
      const made = new Account();
      accounts.push(made);
      const done = new Promise<void>((resolve) => {
        const release = made.release.bind(made);
        made.release = () => {
          release();
          if (made.released === items) resolve();
        };
      });
      ended.push(done);
      return { account: made, work };
    };
    const outputs: Account[] = [];
    b.handle(down, (index) => producers[producer]!(outputs[index!]!) as Iterable<number>);
    const inputs: { consumer: string; account: Account }[] = [];
    b.handle(up, (index, { input }) => {
      const { consumer, account } = inputs[index!]!;
      consumers[consumer]!(input, work, account);
      return NEVER;
    });
    const connection = a.connection(b.local);
    await until(connection, 'connected');
    const stops = Object.entries(consumers).flatMap(([consumer, consume]) => {
      const [output, input] = [account(), account()];
      outputs.push(output.account);
      inputs.push({ consumer, account: input.account });
      const index = inputs.length - 1;
      const exchange = connection.exchange(up, index, () => producers[producer]!(input.account)).subscribe();
      return [
        consume(connection.stream(down, index), work, output.account),
        () => {
          exchange.unsubscribe();
        },
      ];
    });
    await Promise.all(ended);
    for (const stop of stops) stop();
    expect(Math.max(...accounts.map(({ lead }) => lead))).toBeLessThanOrEqual(bound);
    expect(accounts).toHaveLength(2 * Object.keys(consumers).length);
  });
});

it('on real sockets, a relay through sendTo is ahead by at most the windows of both streams', async () => {
  const { down, up } = routesWith(16);
  real = new RealGrid();
  const [a, b] = await real.pair();
  const account = new Account();
  b.handle(down, () => producers['a generator']!(account) as Iterable<number>);
  const done = new Promise<void>((resolve) => {
    b.handle(up, (_, { input }) =>
      input.pipe(
        consume(() => work()),
        tap(() => {
          account.release();
          if (account.released === items) resolve();
        }),
      ),
    );
  });
  const connection = a.connection(b.local);
  await until(connection, 'connected');
  const stream = connection.open(up, undefined);
  stream.ignoreOutput();
  const relay = connection.stream(down, undefined).pipe(sendTo(stream)).subscribe();
  await done;
  relay.unsubscribe();
  expect(account.lead).toBeLessThanOrEqual(2 * 17);
});
