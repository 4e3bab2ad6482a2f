import { afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { firstValueFrom } from 'rxjs';
import type { ConnectionState } from '../../lib/connection/connection-state.js';
import type { RejectedError } from '../../lib/rejection.js';
import { staticToken } from '../../lib/endpoint/accept/auth.js';
import type { Manager } from '../../lib/endpoint/manager.js';
import type { ManagerOptions } from '../../lib/endpoint/manager-options.js';
import { whoDials } from '../../lib/endpoint/peers/who-dials.js';
import { createChecksum } from '../../lib/wire/checksum.js';
import { MemoryNetwork, skewed } from '../support/memory-network.js';

const [a, b, c] = ['http://a:9000', 'http://b:9000', 'http://c:9000'] as const;

let network: MemoryNetwork;
beforeEach(() => {
  network = new MemoryNetwork();
});
afterEach(async () => {
  expect(await network.close()).toBe(0);
});

describe('a rejected handshake', () => {
  let dialer: string;
  let acceptor: string;
  beforeAll(async () => {
    const { hash64 } = await createChecksum();
    [dialer, acceptor] = whoDials(a, b, hash64) ? [a, b] : [b, a];
  });

  /** Starts the two, gives the state of the dialer's connection, and what each was told. */
  async function meet(
    dials: Partial<ManagerOptions>,
    accepts: Partial<ManagerOptions>,
  ): Promise<{ near: Manager; state: ConnectionState }> {
    const near = network.manager(dialer, dials.hosts ?? [a, b], dials);
    const far = network.manager(acceptor, accepts.hosts ?? [a, b], accepts);
    await Promise.all([near.start(), far.start()]);
    await network.settle();
    const state = await firstValueFrom(near.connection(acceptor).state$);
    return { near, state };
  }

  it.each<[string, () => Partial<ManagerOptions>, () => Partial<ManagerOptions>, (reason: string) => void]>([
    [
      'for its name',
      () => ({}),
      () => ({ hosts: [acceptor, c] }),
      (reason) => {
        expect(reason).toBe(
          `unknown incoming host: ${dialer} is not among the hosts of ${acceptor}: add it, spelt exactly so`,
        );
      },
    ],
    ...[301_000, -301_000].map(
      (skew) =>
        [
          `for its clock: ${skew} ms`,
          () => ({ runtime: skewed(network.runtime, skew) }),
          () => ({}),
          (reason: string) => {
            expect(reason).toBe('the clocks differ by 301 s, and 300 s are allowed: synchronise them');
          },
        ] as [string, () => object, () => object, (reason: string) => void],
    ),
  ])('%s: both ends receive the reason', async (_, dials, accepts, check) => {
    const { state } = await meet(dials(), accepts());
    expect(state).toMatchObject({ status: 'back-off', error: { code: 'rejected' } });
    const { reason } = state.error!.cause as RejectedError;
    check(reason);
    expect(network.events(dialer)).toStrictEqual([{ type: 'rejected', host: acceptor, by: 'remote', reason }]);
    expect(network.events(acceptor)).toStrictEqual([{ type: 'rejected', host: dialer, by: 'local', reason }]);
    expect(network.between(a, b)).toStrictEqual([]);
  });

  it('for its token: the dialer receives no details', async () => {
    const { state } = await meet({ auth: staticToken('another') }, {});
    const reason = 'auth token: invalid token; give both hosts the same auth, with the same secret';
    expect(state).toMatchObject({ status: 'back-off', error: { code: 'rejected' } });
    expect(state.error!.cause).toMatchObject({ reason });
    expect(network.events(dialer)).toStrictEqual([{ type: 'rejected', host: acceptor, by: 'remote', reason }]);
    expect(network.events(acceptor)).toStrictEqual([
      {
        type: 'rejected',
        host: dialer,
        by: 'local',
        reason: `The token of host "${dialer}" is refused: it is another one.`,
      },
    ]);
  });

  it('is retried without limit, and succeeds when the cause is gone', async () => {
    let token = 'wrong';
    const auth = { ...staticToken('secret'), sign: () => token };
    const { near } = await meet({ auth }, {});
    await network.pass(20_000);
    expect(network.events(acceptor).length).toBeGreaterThan(9);
    token = 'secret';
    const ready = near.connection(acceptor).ready();
    await network.pass(2_000);
    await ready;
  });

  it('does not happen within the permitted clock skew', async () => {
    const { state } = await meet({ runtime: skewed(network.runtime, 299_000) }, {});
    expect(state.status).toBe('connected');
  });

  it('comes from a manager that is not started yet, or closed', async () => {
    const near = network.manager(dialer, [a, b]);
    const far = network.manager(acceptor, [a, b]);
    await near.start();
    await network.settle();
    const reason = `${acceptor} is not started, or closed`;
    const { error } = await firstValueFrom(near.connection(acceptor).state$);
    expect(error?.cause).toMatchObject({ code: 'rejected', reason });
    expect(network.events(acceptor)).toStrictEqual([{ type: 'rejected', host: dialer, by: 'local', reason }]);
    await far.start();
    await network.pass(2_000);
    expect(network.between(a, b).length).toBe(1);
    await far.close();
    await network.pass(2_000);
    expect((await firstValueFrom(near.connection(acceptor).state$)).error?.cause).toMatchObject({
      code: 'rejected',
      reason,
    });
  });

  it('is retried until the manager starts', async () => {
    const near = network.manager(dialer, [a, b]);
    const far = network.manager(acceptor, [a, b]);
    await near.start();
    const started = far.start();
    await started;
    await network.settle();
    expect(network.between(a, b).length).toBe(1);
    expect(network.cables.length).toBe(1);
  });
});
