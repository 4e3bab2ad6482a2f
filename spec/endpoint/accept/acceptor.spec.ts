import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { firstValueFrom } from 'rxjs';
import { announcedExtensions, connectMessage, readConnectResponse } from '../../../lib/connection/handshake.js';
import { linkedSockets } from '../../../lib/transport/memory-socket.js';
import type { Limits } from '../../../lib/limits.js';
import type { DialerInfo } from '../../../lib/endpoint/accept/acceptor.js';
import { sharedSecret, staticToken, type Auth } from '../../../lib/endpoint/accept/auth.js';
import type { Manager } from '../../../lib/endpoint/manager.js';
import { whoDials } from '../../../lib/endpoint/peers/who-dials.js';
import { createChecksum, type Checksum } from '../../../lib/wire/checksum.js';
import type { ConnectRequest } from '../../../lib/wire/payloads/connect.js';
import { encodeFrame } from '../../../lib/wire/encode.js';
import { timestampFromMs } from '../../../lib/wire/msgpack/timestamp.js';
import { frameOf } from '../../support/protocol/frames.js';
import { MemoryNetwork } from '../../support/memory-network.js';

const [a, b, c] = ['http://a:9000', 'http://b:9000', 'http://c:9000'] as const;

let network: MemoryNetwork;
let checksum: Checksum;
let local: string;
let remote: string;
beforeEach(async () => {
  checksum = await createChecksum();
  network = new MemoryNetwork();
  // `remote` is the one that dials.
  [remote, local] = whoDials(a, b, checksum.hash64) ? [a, b] : [b, a];
});
afterEach(async () => {
  expect(await network.close()).toBe(0);
});

/** A dialer by hand, at a manager that waits for it. */
function dial(manager: Manager, info: DialerInfo = {}) {
  const [near, far] = linkedSockets();
  const messages: Uint8Array[] = [];
  const ends: string[] = [];
  near.inbound.subscribe({
    next: (message) => messages.push(message),
    error: (error: unknown) => ends.push((error as Error).message),
    complete: () => ends.push('closed'),
  });
  manager.accept(far, info);
  return {
    near,
    ends,
    messages,
    send: async (message: Uint8Array) => {
      near.outbound.next(message);
      await network.settle();
    },
    answer: () => {
      const { id: _, ...response } = readConnectResponse(messages[0]!, checksum);
      return response;
    },
  };
}

async function waiting(auth: Auth = staticToken('secret'), limits: Partial<Limits> = {}): Promise<Manager> {
  const manager = network.manager(local, [remote, c], { auth, limits });
  await manager.start();
  return manager;
}

const connectOf = (overrides: Partial<ConnectRequest> = {}): Uint8Array =>
  connectMessage({
    id: new Uint8Array(16),
    host: remote,
    time: timestampFromMs(network.runtime.wallNow()),
    token: 'secret',
    ...overrides,
  });

async function statusOf(manager: Manager): Promise<string> {
  return (await firstValueFrom(manager.connection(remote).state$)).status;
}

describe('the handshake of an acceptor', () => {
  it('answers a reference peer in the form it expects, and an rxgrid peer with the supported extensions', async () => {
    const manager = await waiting();
    const reference = dial(manager);
    await reference.send(connectOf());
    expect(reference.answer()).toStrictEqual({ accepted: true, rejectedReason: '' });
    const own = dial(manager);
    await own.send(connectOf({ ext: { ack: 1 } }));
    expect(own.answer()).toStrictEqual({ accepted: true, rejectedReason: '', ext: announcedExtensions('auto') });
    expect(await statusOf(manager)).toBe('connected');
    // The new one has replaced the old one.
    expect(reference.ends).toStrictEqual(['closed']);
  });

  it('ends a silent connection after handshakeTimeout, with the reason', async () => {
    const silent = dial(await waiting());
    await network.pass(4_999, 1);
    expect(silent.messages).toStrictEqual([]);
    await network.pass(1, 1);
    const reason = 'No connect came within 5000 ms.';
    expect(silent.answer()).toStrictEqual({ accepted: false, rejectedReason: reason });
    expect(network.events(local)).toStrictEqual([{ type: 'rejected', host: 'an unknown host', by: 'local', reason }]);
    expect(silent.ends).toStrictEqual([]);
    await network.pass(100, 1);
    expect(silent.ends).toStrictEqual([reason]);
  });

  const tooMany = (max: number): string =>
    `${String(max)} handshakes are under way at ${local} (maxHandshakes): dial again later`;

  it('drops the oldest silent dialer for a new one when maxHandshakes are in progress, with the reason', async () => {
    const manager = await waiting(undefined, { maxHandshakes: 2 });
    const [oldest, second, third] = [dial(manager), dial(manager), dial(manager)];
    expect(oldest.answer()).toStrictEqual({ accepted: false, rejectedReason: tooMany(2) });
    expect(network.events(local)).toMatchObject([{ type: 'rejected', by: 'local', reason: tooMany(2) }]);
    await network.pass(100, 1);
    expect(oldest.ends).toStrictEqual([tooMany(2)]);
    await third.send(connectOf());
    expect(third.answer().accepted).toBe(true);
    // The accepted one has made room.
    const fourth = dial(manager);
    expect([second.messages.length, fourth.messages.length]).toStrictEqual([0, 0]);
    // So do those that are gone, and those that were rejected.
    second.near.outbound.error(new Error('bye'));
    await fourth.send(new Uint8Array(3));
    await network.pass(100, 1);
    expect([dial(manager), dial(manager)].map(({ messages }) => messages.length)).toStrictEqual([0, 0]);
  });

  it('rejects a new dialer where every handshake in progress has sent something', async () => {
    const manager = await waiting(
      { sign: () => 'x', verify: () => new Promise(() => undefined) },
      { maxHandshakes: 2 },
    );
    const busy = [dial(manager), dial(manager)];
    for (const dialer of busy) await dialer.send(connectOf());
    const next = dial(manager);
    expect(next.answer()).toStrictEqual({ accepted: false, rejectedReason: tooMany(2) });
    expect(next.ends).toStrictEqual(['closed']);
    expect(busy.map(({ messages }) => messages.length)).toStrictEqual([0, 0]);
  });

  it('limits each address to its share', async () => {
    const manager = await waiting(undefined, { maxHandshakes: 3 });
    const honest = dial(manager, { address: '10.0.0.9' });
    const flood = Array.from({ length: 50 }, () => dial(manager, { address: '10.6.6.6' }));
    expect(flood.filter(({ messages, ends }) => messages.length + ends.length > 0).length).toBe(48);
    await honest.send(connectOf());
    expect(honest.answer().accepted).toBe(true);
  });

  describe('when every slot holds a dialer whose token is being verified', () => {
    const auth = sharedSecret('a secret of more than thirty-two bytes');
    const slow: Auth = {
      ...auth,
      verify: (token, context) => (token === 'slow' ? new Promise(() => undefined) : auth.verify(token, context)),
    };
    const sign = async (from: string): Promise<string> =>
      auth.sign({ local: from, remote: local, wallNow: () => network.runtime.wallNow() });
    const full = async (): Promise<Manager> => {
      const manager = await waiting(slow, { maxHandshakes: 2 });
      for (const dialer of [dial(manager), dial(manager)]) await dialer.send(connectOf({ token: 'slow' }));
      return manager;
    };

    it('admits a host whose upgrade carries a valid token', async () => {
      const manager = await full();
      const token = await sign(remote);
      const host = dial(manager, { authorization: `Bearer ${token}` });
      await network.settle();
      await host.send(connectOf({ token }));
      expect(host.answer().accepted).toBe(true);
    });

    it.each<[string, () => string | Promise<string>]>([
      ['no token', () => 'Bearer x'],
      ['another scheme', async () => `Basic ${await sign(remote)}`],
      ['a token of a stranger', async () => `Bearer ${await sign('http://stranger:1')}`],
      ['a forged token', async () => `Bearer ${(await sign(remote)).slice(0, -4)}aaaa`],
    ])('rejects a dialer that carries %s', async (_, authorization) => {
      const manager = await full();
      const stranger = dial(manager, { authorization: await authorization() });
      for (let turn = 0; turn < 5; turn++) await network.settle();
      expect(stranger.answer()).toStrictEqual({ accepted: false, rejectedReason: tooMany(2) });
    });
  });

  it('times out verifications that do not end', async () => {
    const never = dial(await waiting({ sign: () => 'x', verify: () => new Promise(() => undefined) }));
    await never.send(connectOf());
    await network.pass(5_000, 1);
    expect(never.answer().rejectedReason).toBe('The checks of the connect did not end within 5000 ms.');
  });

  it('does not link a dialer that is verified too late, or has left', async () => {
    const pending: (() => void)[] = [];
    const manager = await waiting({ sign: () => 'x', verify: () => new Promise((resolve) => pending.push(resolve)) });
    const late = dial(manager);
    await late.send(connectOf());
    // Rejected, and still open for the reason to leave.
    await network.pass(5_050);
    const gone = dial(manager);
    await gone.send(connectOf());
    gone.near.outbound.error(new Error('bye'));
    for (const resolve of pending) resolve();
    await network.settle();
    expect(late.messages.length).toBe(1);
    expect(gone.messages).toStrictEqual([]);
    expect(await statusOf(manager)).not.toBe('connected');
  });

  it.each<[string, () => Uint8Array, RegExp]>([
    ['no bytes', () => new Uint8Array(), /A frame of 0 bytes is too short/],
    ['no frame', () => Uint8Array.from({ length: 64 }, (_, index) => index * 7), /must begin with/],
    ['another frame', () => encodeFrame(frameOf(14, 5)), /unexpected connect op: Request/],
    ['an unknown op', () => encodeFrame(frameOf(99, 0)), /unexpected connect op: 99/],
    ['no map', () => encodeFrame(frameOf(1, 0, { payload: 'hello' })), /Connect: /],
    [
      'a map without its keys',
      () => encodeFrame(frameOf(1, 0, { payload: Uint8Array.of(0x80) })),
      /the key ID is missing/,
    ],
    ['the wrong host', () => connectOf({ host: 'http://d' }), /unknown incoming host: http:\/\/d/],
    ['its own name', () => connectOf({ host: local }), /unknown incoming host/],
    ['no host', () => connectOf({ host: '' }), /unknown incoming host:  is not among/],
    ['a leaf', () => connectOf({ host: '', leaf: true }), /takes no leaves/],
    ['an old clock', () => connectOf({ time: { seconds: 0, nanoseconds: 0 } }), /the clocks differ by \d+ s/],
  ])('rejects %s, sends the reason, reads on for a while and closes', async (_, message, text) => {
    const dialer = dial(await waiting());
    await dialer.send(message());
    const { accepted, rejectedReason } = dialer.answer();
    expect(accepted).toBe(false);
    expect(rejectedReason).toMatch(text);
    expect(network.events(local)).toMatchObject([{ type: 'rejected', by: 'local', reason: rejectedReason }]);
    await dialer.send(connectOf());
    expect(dialer.messages.length).toBe(1);
    await network.pass(100, 1);
    expect(dialer.ends).toStrictEqual([rejectedReason]);
  });

  it('rejects a message that comes before the answer', async () => {
    const manager = await waiting({ sign: () => 'x', verify: () => new Promise(() => undefined) });
    const dialer = dial(manager);
    await dialer.send(connectOf());
    await dialer.send(connectOf());
    expect(dialer.answer().rejectedReason).toBe('A message came before the connect was answered.');
  });

  it('rejects a host that it should dial itself, after its token', async () => {
    const manager = network.manager(remote, [local]);
    await manager.start();
    await network.settle();
    const dialer = dial(manager);
    await dialer.send(connectOf({ host: local }));
    expect(dialer.answer().rejectedReason).toBe(`wrong direction: ${remote} dials ${local}, which its name decides`);
    const stranger = dial(manager);
    await stranger.send(connectOf({ host: local, token: 'wrong' }));
    expect(stranger.answer().rejectedReason).toBe(
      'auth token: invalid token; give both hosts the same auth, with the same secret',
    );
  });

  it('verifies the host first, then the clock, then the token', async () => {
    const manager = await waiting();
    const time = { seconds: 0, nanoseconds: 0 };
    const reasons = [];
    for (const overrides of [{ host: 'http://d', time, token: 'x' }, { time, token: 'x' }, { token: 'x' }]) {
      const dialer = dial(manager);
      await dialer.send(connectOf(overrides));
      reasons.push(dialer.answer().rejectedReason.split(' ')[0]);
    }
    expect(reasons).toStrictEqual(['unknown', 'the', 'auth']);
  });

  it('sends the dialer the reason of a RejectedError, and nothing else', async () => {
    const dialer = dial(await waiting());
    await dialer.send(connectOf({ token: 'guess' }));
    expect(dialer.answer().rejectedReason).toBe(
      'auth token: invalid token; give both hosts the same auth, with the same secret',
    );
    expect(network.events(local)).toMatchObject([
      { host: remote, reason: expect.stringContaining('it is another one') },
    ]);
  });

  it('sends the dialer a neutral text for an error of the hook, and emits an event with the real one', async () => {
    const manager = await waiting({
      sign: () => 'x',
      verify: () => Promise.reject(new Error('connect ECONNREFUSED postgres://app:pass@10.0.0.9/hosts')),
    });
    const dialer = dial(manager);
    await dialer.send(connectOf());
    expect(dialer.answer().rejectedReason).toBe(
      'auth token: invalid token; give both hosts the same auth, with the same secret',
    );
    expect(network.events(local)).toMatchObject([
      { host: remote, reason: 'connect ECONNREFUSED postgres://app:pass@10.0.0.9/hosts' },
    ]);
  });

  it('escapes and truncates the name of an unauthenticated dialer, in the event and in the answer', async () => {
    const dialer = dial(await waiting());
    const host = `http://x\n\x1b[31m2026 admin logged in\u202e${'y'.repeat(900)}`;
    await dialer.send(connectOf({ host }));
    const shown = host.replace('\n\x1b', String.raw`\n\u001b`).replace('\u202e', String.raw`\u202e`);
    expect(network.events(local)).toStrictEqual([
      {
        type: 'rejected',
        host: shown,
        by: 'local',
        reason: expect.stringContaining(`unknown incoming host: ${shown}`),
      },
    ]);
    expect(dialer.answer().rejectedReason).toContain(shown);
  });

  it('survives a hook that throws anything', async () => {
    const manager = await waiting({
      sign: () => 'x',
      verify: () => {
        // eslint-disable-next-line @typescript-eslint/only-throw-error -- a hook may.
        throw undefined;
      },
    });
    const dialer = dial(manager);
    await dialer.send(connectOf());
    expect(dialer.answer().rejectedReason).toBe(
      'auth token: invalid token; give both hosts the same auth, with the same secret',
    );
    expect(network.events(local)).toMatchObject([{ reason: 'unknown error' }]);
  });

  it('closes a socket that throws when it is sent the answer, and reports that', async () => {
    const manager = await waiting();
    const events: unknown[] = [];
    manager.events$.subscribe((event) => events.push(event));
    const [near, far] = linkedSockets();
    const { outbound } = far;
    Object.defineProperty(far, 'outbound', {
      value: {
        next: () => {
          throw new Error('no memory');
        },
        error: outbound.error.bind(outbound),
        complete: outbound.complete.bind(outbound),
      },
    });
    const ends: string[] = [];
    near.inbound.subscribe({ error: () => ends.push('broken'), complete: () => ends.push('closed') });
    manager.accept(far, {});
    near.outbound.next(connectOf());
    await network.settle();
    expect(ends).toHaveLength(1);
    expect(events).toContainEqual({ type: 'rejected', host: remote, by: 'local', reason: 'no memory' });
  });

  it('abandons silent, rejected and gone dialers at the close, and leaves no timer', async () => {
    const manager = await waiting();
    const [silent, rejected, gone] = [dial(manager), dial(manager), dial(manager)];
    await rejected.send(connectOf({ host: 'http://d' }));
    gone.near.outbound.complete();
    const [early] = linkedSockets();
    early.outbound.complete();
    manager.accept(early);
    await manager.close();
    await network.settle();
    expect(silent.ends).toStrictEqual(['The host closes.']);
    expect(rejected.ends).toStrictEqual(['The host closes.']);
    expect(network.runtime.scheduled).toBe(0);
  });
});
