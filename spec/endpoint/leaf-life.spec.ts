import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { firstValueFrom, NEVER } from 'rxjs';
import type { LeafConnection, TokenRequest } from '../../lib/endpoint/leaves/leaf.js';
import type { LeafOptions } from '../../lib/endpoint/leaves/leaves.js';
import type { Manager } from '../../lib/endpoint/manager.js';
import { raw, type } from '../../lib/codec/codec.js';
import { duplex, unary } from '../../lib/contract/contract.js';
import { UnavailableError } from '../../lib/contract/define-error.js';
import { createChecksum } from '../../lib/wire/checksum.js';
import { resumable } from '../../lib/operators/resumable.js';
import { retryOnDisconnect } from '../../lib/operators/retry-on-disconnect.js';
import { record } from '../support/linked-managers.js';
import { MemoryNetwork } from '../support/memory-network.js';

/*
 * The life of a leaf at its host: the validity of its token, its bounds, and several hosts.
 */

const host = 'http://host:9000';
const whoAmI = unary({ id: 1, name: 'whoAmI', request: raw, response: type<string>() });
const never = duplex({ id: 2, name: 'never', request: raw, output: type<number>() });

let network: MemoryNetwork;
beforeEach(async () => {
  await createChecksum();
  network = new MemoryNetwork();
});
afterEach(async () => {
  expect(await network.close()).toBe(0);
});

async function start(options: Partial<LeafOptions> = {}, name = host): Promise<Manager> {
  const manager = network.manager(name, [], { leaves: { authenticate: () => 'ann', ...options } });
  manager.handle(whoAmI, (_, call) => call.caller);
  manager.handle(never, () => NEVER);
  await manager.start();
  return manager;
}

const stateOf = (leaf: LeafConnection) => firstValueFrom(leaf.state$);

async function ask(leaf: LeafConnection): Promise<string> {
  const answer = firstValueFrom(leaf.request(whoAmI, new Uint8Array()));
  await network.settle();
  return answer;
}

describe('an expiring token', () => {
  const now = (): number => network.runtime.wallNow();
  // A token is its own validity in ms.
  const valid = (token: string) => ({ identity: 'ann', expiresAt: now() + Number(token) });

  it('is renewed while the leaf is connected, without an effect on calls', async () => {
    await start({ authenticate: valid });
    const requests: TokenRequest[] = [];
    const leaf = network.leaf(host, { getToken: (request) => (requests.push(request), '60000') });
    await network.settle();
    const errors: unknown[] = [];
    leaf.stream(never, new Uint8Array()).subscribe({ error: (error: unknown) => errors.push(error) });
    await network.pass(300_000, 500);
    expect(errors).toStrictEqual([]);
    expect((await stateOf(leaf)).connects).toBe(1);
    expect(requests[0]).toStrictEqual({ reason: 'connect', url: 'ws://host:9000/minio/grid/v1', refused: undefined });
    expect(requests[1]).toStrictEqual({ ...requests[0]!, reason: 'expires' });
    // After 70 to 80 % of 60 s each.
    expect(requests.length).toBeGreaterThanOrEqual(7);
    expect(requests.length).toBeLessThanOrEqual(9);
  });

  it.each([['a date'], ['a number']])('closes the connection at its expiry, given as %s, with a code', async (form) => {
    await start({
      authenticate: () => ({ identity: 'ann', expiresAt: form === 'a date' ? new Date(now() + 5_000) : now() + 5_000 }),
    });
    const leaf = network.leaf(host, { token: 'constant' });
    await network.settle();
    await network.pass(4_900, 100);
    expect((await stateOf(leaf)).status).toBe('connected');
    await network.pass(200, 100);
    const { status, error } = await stateOf(leaf);
    expect([status, error?.name, error?.code]).toStrictEqual(['refused', 'ClosedError', 'unauthenticated']);
    expect(error!.message).toBe('The other side closed the connection: the token has expired');
  });

  it('is requested again, with the reason, and the leaf reconnects', async () => {
    let expiry = 1_000;
    await start({ authenticate: () => ({ identity: 'ann', expiresAt: now() + expiry }) });
    const asked: (string | undefined)[] = [];
    let offline = false;
    const leaf = network.leaf(host, {
      getToken: ({ reason, refused }) => {
        if (reason === 'connect') asked.push(refused);
        else if (offline) throw new Error('the server of tokens is down');
        return 'x';
      },
    });
    await network.settle();
    offline = true;
    expiry = 100_000;
    await network.pass(3_000, 100);
    expect((await stateOf(leaf)).connects).toBe(2);
    expect(asked).toStrictEqual([undefined, 'the token has expired']);
  });

  it('cannot be renewed with another identity: the leaf is informed', async () => {
    let identity = 'ann';
    await start({ authenticate: () => ({ identity, expiresAt: now() + 10_000 }) });
    const leaf = network.leaf(host, { getToken: () => 'x' });
    const reasons: string[] = [];
    leaf.events$.subscribe((event) => {
      if (event.type === 'rejected') reasons.push(event.reason);
    });
    await network.settle();
    identity = 'eve';
    await network.pass(9_000, 100);
    expect(reasons[0]).toContain('The token is of another identity');
    expect(await ask(leaf)).toBe('ann');
  });

  it('is refused when it has already expired', async () => {
    await start({ authenticate: () => ({ identity: 'ann', expiresAt: now() - 1 }) });
    const leaf = network.leaf(host);
    await network.settle();
    const cause = (await stateOf(leaf)).error?.cause;
    expect(cause).toMatchObject({ code: 'unauthenticated', reason: 'the token has expired' });
  });

  it('expires by the wall clock, also after the host slept', async () => {
    await start({ authenticate: () => ({ identity: 'ann', expiresAt: now() + 3_600_000 }) });
    const leaf = network.leaf(host, { token: 'once' });
    await network.settle();
    expect(await ask(leaf)).toBe('ann');
    network.runtime.wallOffset += 7_200_000;
    await network.pass(2_000, 100);
    expect((await stateOf(leaf)).error).toMatchObject({ code: 'unauthenticated' });
  });

  it('is valid for longer where the wall clock is set back', async () => {
    await start({ authenticate: () => ({ identity: 'ann', expiresAt: now() + 10_000 }) });
    const leaf = network.leaf(host, { token: 'once' });
    await network.settle();
    network.runtime.wallOffset -= 10_000;
    await network.pass(15_000, 500);
    expect(await ask(leaf)).toBe('ann');
    await network.pass(6_000, 500);
    expect((await stateOf(leaf)).error).toMatchObject({ code: 'unauthenticated' });
  });

  it('is refused where its date is invalid', async () => {
    await start({ authenticate: () => ({ identity: 'ann', expiresAt: new Date('nonsense') }) });
    const leaf = network.leaf(host);
    await network.settle();
    expect((await stateOf(leaf)).status).toBe('refused');
  });
});

it('a host that cannot verify tokens at the moment refuses no leaf for good: the leaf retries', async () => {
  let down = true;
  await start({
    authenticate: () => {
      if (down) throw new UnavailableError('the database does not answer');
      return 'ann';
    },
  });
  const leaf = network.leaf(host);
  await network.settle();
  expect(await stateOf(leaf)).toMatchObject({ status: 'back-off', error: { code: 'rejected' } });
  down = false;
  await network.pass(2_000, 100);
  expect(await ask(leaf)).toBe('ann');
});

it('calls of a refused leaf fail at once, with the reason', async () => {
  await start({ authenticate: () => '' });
  const leaf = network.leaf(host);
  await network.settle();
  const failed = expect(firstValueFrom(leaf.request(whoAmI, new Uint8Array()))).rejects.toMatchObject({
    name: 'DisconnectedError',
    code: 'unauthenticated',
    retryable: false,
    sent: false,
    message: expect.stringMatching(/ Give another token, and call reconnect\(\)\./),
    cause: { code: 'unauthenticated' },
  });
  await network.pass(10);
  await failed;
  await expect(leaf.ready()).rejects.toMatchObject({ code: 'unauthenticated' });
});

it('calls of a leaf whose host accepts no leaves are not retryable', async () => {
  const manager = network.manager(host, []);
  await manager.start();
  const leaf = network.leaf(host);
  await network.settle();
  const { log } = record(leaf.request(whoAmI, new Uint8Array()).pipe(retryOnDisconnect()));
  await network.pass(10);
  expect(log).toMatchObject([
    { code: 'permission-denied', retryable: false, message: expect.stringContaining('reconnect()') },
  ]);
});

describe('retryOnDisconnect and resumable, on a refused leaf', () => {
  it('pass on the error with the reason at once', async () => {
    await start({ authenticate: () => '' });
    const leaf = network.leaf(host);
    await network.settle();
    const logs = [
      record(leaf.request(whoAmI, new Uint8Array()).pipe(retryOnDisconnect())),
      record(resumable(() => leaf.stream(never, new Uint8Array()), { from: () => 0 })),
    ].map(({ log }) => log);
    await network.pass(10);
    for (const log of logs) expect(log).toMatchObject([{ code: 'unauthenticated', retryable: false }]);
  });

  it('pass it on also where the refusal arrives while they wait for the connection', async () => {
    let valid = true;
    await start({
      authenticate: () => {
        if (!valid) throw new Error('unknown');
        return 'ann';
      },
    });
    const leaf = network.leaf(host);
    await network.settle();
    const retried = record(leaf.stream(never, new Uint8Array()).pipe(retryOnDisconnect({ idempotent: true })));
    const resumed = record(resumable(() => leaf.stream(never, new Uint8Array()), { from: () => 0 }));
    await network.settle();
    valid = false;
    network.cut(host);
    await network.pass(2_000, 100);
    for (const { log } of [retried, resumed]) {
      expect(log).toMatchObject([{ code: 'unauthenticated', retryable: false, sent: true, route: 'never' }]);
    }
  });
});

it('calls of a closed leaf are not retryable', async () => {
  await start();
  const leaf = network.leaf(host);
  await network.settle();
  const open = record(leaf.stream(never, new Uint8Array()));
  await network.settle();
  leaf.close();
  const late = record(leaf.request(whoAmI, new Uint8Array()));
  await network.pass(10);
  expect([...open.log, ...late.log]).toMatchObject([
    { code: 'disconnected', retryable: false, sent: true },
    { code: 'disconnected', retryable: false, sent: false },
  ]);
});

describe('bounds per leaf', () => {
  it('inFlight: refuses a call beyond the bound, and accepts a later one', async () => {
    await start({ limits: { inFlight: 2 } });
    const leaf = network.leaf(host);
    await network.settle();
    const open = [1, 2].map(() => leaf.stream(never, new Uint8Array()).subscribe());
    await network.settle();
    await expect(ask(leaf)).rejects.toMatchObject({
      code: 'resource-exhausted',
      message: expect.stringContaining('leaves.limits.inFlight'),
    });
    const other = network.leaf(host, { token: 'x' });
    open.forEach((each) => {
      each.unsubscribe();
    });
    await network.settle();
    expect(await ask(leaf)).toBe('ann');
    expect(await ask(other)).toBe('ann');
  });

  it('idle: disconnects a leaf without calls, but not one with an open stream', async () => {
    const manager = await start({ limits: { idle: 10_000 }, authenticate: (token) => token });
    const [idle, busy] = [network.leaf(host, { token: 'idle' }), network.leaf(host, { token: 'busy' })];
    const left: unknown[] = [];
    manager.leaves$.subscribe((state) => left.push(...state.left.map(({ identity, reason }) => [identity, reason])));
    busy.stream(never, new Uint8Array()).subscribe({ error: () => undefined });
    await network.settle();
    await network.pass(16_000, 100);
    expect(await stateOf(idle)).toMatchObject({ status: 'connecting', waitsFor: 'call', error: { code: 'idle' } });
    expect((await stateOf(busy)).status).toBe('connected');
    expect(left).toStrictEqual([['idle', expect.stringContaining('no call for 10000 ms (leaves.limits.idle)')]]);
    expect(await ask(idle)).toBe('idle');
  });

  it.each([
    [{ inFlight: 0 }, 'leaves.limits: inFlight must be a whole number'],
    [{ bytesPerSecond: -1 }, 'leaves.limits: bytesPerSecond must be'],
    [{ idel: 1 }, 'Did you mean idle?'],
  ])('refuses %j', async (limits, message) => {
    await expect(start({ limits } as Partial<LeafOptions>)).rejects.toThrow(message);
  });
});

describe('several hosts', () => {
  const other = 'http://other:9000';

  it('a leaf moves to the next one when its host has left, and reports where it is', async () => {
    await start();
    await start({ authenticate: () => 'ann of other' }, other);
    const leaf = network.leaf([host, other]);
    await network.settle();
    expect(await ask(leaf)).toBe('ann');
    network.down.add(host);
    network.cut(host);
    await network.pass(600, 10);
    expect(await ask(leaf)).toBe('ann of other');
    expect(leaf.host).toBe('ws://host:9000/minio/grid/v1, ws://other:9000/minio/grid/v1');
  });

  it('an empty list, and both or neither of token and getToken, are refused', () => {
    expect(() => network.leaf([])).toThrow('an empty list');
    expect(() => network.leaf(host, { token: 'x', getToken: () => 'x' })).toThrow('token or getToken');
  });
});

it('a leaf announces that it verifies no checksums, where they are off', async () => {
  await start();
  const [plain, off] = [network.leaf(host), network.leaf(host, { checksum: 'off' })];
  await network.settle();
  expect((await stateOf(plain)).checksum).toBeUndefined();
  expect((await stateOf(off)).checksum).toBe(false);
  plain.close();
  off.close();
});
