import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import * as fc from 'fast-check';
import { config, firstValueFrom, NEVER, Observable } from 'rxjs';
import { announcedExtensions, connectMessage, connectResponseMessage } from '../../lib/connection/handshake.js';
import { linkedSockets } from '../../lib/transport/memory-socket.js';
import type { Dial, Socket } from '../../lib/transport/socket.js';
import { connect } from '../../lib/endpoint/leaves/leaf.js';
import type { Manager } from '../../lib/endpoint/manager.js';
import { raw } from '../../lib/codec/codec.js';
import { duplex, unary } from '../../lib/contract/contract.js';
import { bind } from '../../lib/handlers/bound.js';
import { createChecksum, type Checksum } from '../../lib/wire/checksum.js';
import { decodeConnectError } from '../../lib/wire/payloads/control.js';
import { decodeFrames } from '../../lib/wire/decode.js';
import type { Frame } from '../../lib/wire/frame.js';
import { Op } from '../../lib/wire/ops.js';
import { timestampFromMs } from '../../lib/wire/msgpack/timestamp.js';
import { fromCaller, lineOf, messageOf } from '../support/protocol/frames.js';
import { hostileMessage, wildMessage } from '../support/protocol/hostile-messages.js';
import { MemoryNetwork } from '../support/memory-network.js';
import { runs } from '../support/property-runs.js';

// Many runs, on a machine that may be busy.
jest.setTimeout(60_000);

const host = 'http://host:9000';
const maxOpenMuxes = 40;
const limits = { maxOpenMuxes };
const nothing = new Uint8Array();

const echo = unary({ id: 1, name: 'echo', request: raw, response: raw });
const silent = unary({ id: 2, name: 'silent', request: raw, response: raw });
const bounce = duplex({ id: 3, name: 'bounce', request: raw, input: raw, output: raw, inCapacity: 4, outCapacity: 4 });
const endless = duplex({ id: 4, name: 'endless', request: raw, output: raw, outCapacity: 4 });
const failing = duplex({ id: 5, name: 'failing', request: raw, output: raw });

let checksum: Checksum;
// What would end a process: rxjs throws it from a timer.
const uncaught: unknown[] = [];
beforeAll(async () => {
  checksum = await createChecksum();
  config.onUnhandledError = (error) => uncaught.push(error);
});
afterAll(() => {
  config.onUnhandledError = null;
});

/** How many items `endless` has given so far. */
let given = 0;

const handlers = [
  bind(echo, (payload) => payload),
  bind(silent, () => NEVER),
  bind(bounce, (_, call) => call.input),
  bind(endless, function* (): Generator<Uint8Array> {
    for (;;) {
      given++;
      yield nothing;
    }
  } as () => Iterable<Uint8Array>),
  bind(failing, () => {
    throw new Error('as it does');
  }),
];

async function start(network: MemoryNetwork): Promise<Manager> {
  const manager = network.manager(host, [], { limits, leaves: { authenticate: (token) => token } });
  for (const { route, handler } of handlers) manager.handle(route as never, handler as never);
  await manager.start();
  return manager;
}

/** A leaf that the test plays: it sends what it likes. */
function evil(network: MemoryNetwork, manager: Manager) {
  const [near, far] = linkedSockets();
  const frames: Frame[] = [];
  let open = true;
  const end = (): void => {
    open = false;
  };
  let answered = false;
  near.inbound.subscribe({
    next: (message) => {
      // The answer to the Connect is not of interest; what follows must parse.
      if (answered) frames.push(...decodeFrames(message, checksum.hash));
      answered = true;
    },
    complete: end,
    error: end,
  });
  manager.accept(far);
  return {
    near,
    frames,
    isOpen: () => open,
    shake: async () => {
      const time = timestampFromMs(network.runtime.wallNow());
      const id = new Uint8Array(16);
      const ext = announcedExtensions('auto');
      near.outbound.next(connectMessage({ id, host: '', time, token: 'evil', leaf: true, ext }));
      await network.settle();
    },
  };
}

/** Nothing was thrown, and another connection works. */
async function expectAlive(network: MemoryNetwork): Promise<void> {
  const leaf = network.leaf(host, { token: 'good' });
  const answer = firstValueFrom(leaf.request(echo, Uint8Array.of(7)));
  await network.settle();
  expect(await answer).toStrictEqual(Uint8Array.of(7));
  leaf.close();
  expect(uncaught).toStrictEqual([]);
}

/** Many messages that a connection lives through, and a few that end it. */
const longTalk = (): fc.Arbitrary<Uint8Array> =>
  fc.oneof(
    { weight: 30, arbitrary: wildMessage(checksum.hash) },
    { weight: 1, arbitrary: hostileMessage(checksum.hash) },
  );

const seeded = { seed: 20_260_101, numRuns: runs(120) };

describe('an acceptor', () => {
  it('survives random messages before and instead of the Connect', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(hostileMessage(checksum.hash), { minLength: 1, maxLength: 4 }), async (messages) => {
        const network = new MemoryNetwork();
        const peer = evil(network, await start(network));
        for (const message of messages) {
          peer.near.outbound.next(message);
          await network.settle();
        }
        await network.pass(5_200, 1_000);
        expect(peer.isOpen()).toBe(false);
        await expectAlive(network);
        expect(await network.close()).toBe(0);
      }),
      { ...seeded, numRuns: runs(60) },
    );
  });

  it('survives random messages after it: tables stay bounded, and nothing is left behind', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(longTalk(), fc.constantFrom(0, 0, 0, 0, 20, 1_500)), { maxLength: 40, size: 'max' }),
        async (messages) => {
          const network = new MemoryNetwork();
          const manager = await start(network);
          const peer = evil(network, manager);
          await peer.shake();
          const connection = manager.connection('evil');
          // Calls that can be disturbed.
          const opened = [2, 3, 4].map((handler) =>
            handler === 2 ? fromCaller.request(handler, { handler }) : fromCaller.connectMux(handler, { handler }),
          );
          peer.near.outbound.next(messageOf(opened));
          for (const [message, pause] of messages) {
            if (!peer.isOpen()) break;
            peer.near.outbound.next(message);
            await network.pass(pause, 500);
            const { openIn, queuedBytes } = await firstValueFrom(connection.stats$);
            expect(openIn).toBeLessThanOrEqual(maxOpenMuxes);
            expect(queuedBytes).toBe(0);
          }
          peer.near.outbound.complete();
          await network.settle();
          expect(await firstValueFrom(connection.stats$)).toMatchObject({ openIn: 0, openOut: 0 });
          await expectAlive(network);
          expect(await network.close()).toBe(0);
        },
      ),
      seeded,
    );
  });

  it('refuses calls beyond maxOpenMuxes, and accepts others when some have ended', async () => {
    const network = new MemoryNetwork();
    const manager = await start(network);
    const peer = evil(network, manager);
    await peer.shake();
    const send = async (...frames: Frame[]): Promise<string[]> => {
      const from = peer.frames.length;
      peer.near.outbound.next(messageOf(frames));
      await network.settle();
      return peer.frames.slice(from).map(lineOf);
    };
    const opened = Array.from({ length: 2 * maxOpenMuxes }, (_, index) =>
      index % 2 === 0
        ? fromCaller.request(index + 1, { handler: 2, deadlineMs: 0 })
        : fromCaller.connectMux(index + 1, { handler: 3 }),
    );
    const answers = await send(...opened);
    expect(answers.filter((line) => line.startsWith('MuxConnectError')).length).toBe(maxOpenMuxes);
    const refusal = peer.frames.find(({ op }) => op === Op.MuxConnectError)!;
    expect(decodeConnectError(refusal.payload)).toBe(
      '40 calls are open on this connection, or their handlers are still running (maxOpenMuxes).',
    );
    const { openIn } = await firstValueFrom(manager.connection('evil').stats$);
    expect(openIn).toBe(maxOpenMuxes);
    expect(await send(fromCaller.cancel(1))).toStrictEqual([]);
    const [echoed] = await send(fromCaller.request(900, { handler: 1, payload: 'x' }));
    expect(echoed).toBe('Response 900 Eof "x"');
    await expectAlive(network);
    expect(await network.close()).toBe(0);
  });

  it('accepts no more credit than the window, however much is granted', async () => {
    const network = new MemoryNetwork();
    const peer = evil(network, await start(network));
    await peer.shake();
    given = 0;
    peer.near.outbound.next(messageOf([fromCaller.connectMux(1, { handler: 4, flags: 2 })]));
    await network.settle();
    expect(given).toBeLessThanOrEqual(5);
    for (const [index, count] of [1_000_000, 2 ** 53 - 1, 4].entries()) {
      peer.near.outbound.next(messageOf([fromCaller.credit(1, index + 1, count)]));
      await network.settle();
    }
    expect(given).toBeGreaterThan(5);
    expect(given).toBeLessThanOrEqual(17);
    await expectAlive(network);
    expect(await network.close()).toBe(0);
  });
});

describe('a dialer', () => {
  /** A leaf whose acceptor the test plays; calls are in flight. */
  function scene(network: MemoryNetwork) {
    const ends: Socket[] = [];
    let honest = false;
    const dial: Dial = (url, options) => {
      if (honest) return network.dialFrom('victim')(url, options);
      return new Observable((subscriber) => {
        const [near, far] = linkedSockets();
        ends.push(far);
        far.inbound.subscribe({ error: () => undefined });
        subscriber.next(near);
        subscriber.complete();
      });
    };
    const leaf = connect('ws://host:9000', {
      token: 'victim',
      runtime: network.runtime,
      dial,
      limits: { ...limits, redialInterval: 100, dialJitter: 0 },
      handlers,
    });
    const outcomes: string[] = [];
    const hear = { complete: () => outcomes.push('complete'), error: () => outcomes.push('error') };
    const call = (): void => {
      leaf.request(silent, nothing).subscribe(hear);
      leaf.stream(endless, nothing).subscribe(hear);
      leaf.exchange(bounce, nothing, [nothing, Uint8Array.of(1)]).subscribe(hear);
    };
    return { leaf, ends, outcomes, call, beHonest: () => (honest = true) };
  }

  const accepted = connectResponseMessage({
    id: new Uint8Array(16),
    accepted: true,
    rejectedReason: '',
    ext: announcedExtensions('auto'),
  });

  it.each([
    ['instead of the answer', false],
    ['after the answer', true],
  ])('survives random messages %s: its calls end once, and it links with a good acceptor later', async (_, answer) => {
    await fc.assert(
      fc.asyncProperty(
        answer
          ? fc.array(longTalk(), { minLength: 1, maxLength: 40, size: 'max' })
          : fc.array(hostileMessage(checksum.hash), { minLength: 1, maxLength: 4 }),
        async (messages) => {
          const network = new MemoryNetwork();
          await start(network);
          const { leaf, ends, outcomes, call, beHonest } = scene(network);
          await network.settle();
          const [far] = ends;
          if (answer) far!.outbound.next(accepted);
          call();
          await network.settle();
          for (const message of messages) {
            far!.outbound.next(message);
            await network.settle();
          }
          const { openOut, openIn } = await firstValueFrom(leaf.stats$);
          expect(openOut).toBeLessThanOrEqual(3);
          expect(openIn).toBeLessThanOrEqual(maxOpenMuxes);
          beHonest();
          far!.outbound.error(new Error('cut'));
          await network.pass(400, 100);
          await leaf.ready();
          const echoed = firstValueFrom(leaf.request(echo, Uint8Array.of(7)));
          await network.settle();
          expect(await echoed).toStrictEqual(Uint8Array.of(7));
          leaf.close();
          await network.pass(10);
          expect(outcomes.length).toBe(3);
          expect(uncaught).toStrictEqual([]);
          expect(await network.close()).toBe(0);
        },
      ),
      seeded,
    );
  });
});
