import { describe, expect, it } from '@jest/globals';
import { firstValueFrom } from 'rxjs';
import { raw, type } from '../../../lib/codec/codec.js';
import { unary } from '../../../lib/contract/contract.js';
import type { LeafOptions } from '../../../lib/endpoint/leaves/leaves.js';
import { gridTest, type Cluster, type Faults } from '../../../lib/testing/index.js';

/*
 * The process of a host stands still, while what a leaf sends waits in its socket. Its timers are the first that run
 * afterwards.
 */

const whoAmI = unary({ id: 1, name: 'whoAmI', request: raw, response: type<string>() });

interface Scene {
  readonly cluster: Cluster;
  readonly faults: Faults;
  readonly advance: (ms: number) => Promise<void>;
  /** How often the leaf was connected, with what it was told when it lost the connection. */
  readonly history: () => Promise<{ readonly connects: number; readonly code: string | undefined }>;
  readonly ask: () => Promise<string>;
}

async function scene(leaves: LeafOptions, body: (scene: Scene) => Promise<void>): Promise<void> {
  await gridTest(async ({ cluster: make, faults, advance }) => {
    const cluster = make({ hosts: 1, latency: 2, leaves });
    cluster.host('a').handle(whoAmI, (_, call) => call.caller);
    await cluster.connected();
    const leaf = cluster.leaf('ann', 'a', { token: undefined as never, getToken: () => 'ann' });
    await leaf.ready();
    await body({
      cluster,
      faults,
      advance,
      history: async () => {
        const { connects, error } = await firstValueFrom(leaf.state$);
        return { connects, code: error?.code };
      },
      ask: () => firstValueFrom(leaf.request(whoAmI, new Uint8Array())),
    });
  });
}

describe('a host that was held up', () => {
  const shortTokens: LeafOptions = { authenticate: () => ({ identity: 'ann', expiresAt: Date.now() + 10_000 }) };

  // A token is renewed after 7 to 8 s.
  it.each([
    ['for less than it takes for a sleep', 6_000, 4_100],
    ['for so long that the machine seems to have slept', 6_000, 9_000],
  ])('%s accepts a new token that is queued in the socket before it closes the connection', async (_, after, held) => {
    await scene(shortTokens, async ({ cluster, faults, advance, history, ask }) => {
      await advance(after);
      faults.pause(cluster.host('a'), { for: held });
      await advance(held + 2_000);
      expect(await ask()).toBe('ann');
      expect(await history()).toStrictEqual({ connects: 1, code: undefined });
    });
  });

  it('closes the connection soon where there is no new token', async () => {
    let asked = 0;
    const leaves: LeafOptions = { authenticate: () => ({ identity: 'ann', expiresAt: Date.now() + 10_000 }) };
    await gridTest(async ({ cluster: make, faults, advance }) => {
      const cluster = make({ hosts: 1, latency: 2, leaves });
      await cluster.connected();
      const leaf = cluster.leaf('ann', 'a', {
        token: undefined as never,
        // Only the first one is given: those that renew it are not to be had.
        getToken: () => (asked++ === 0 ? 'ann' : new Promise<string>(() => undefined)),
      });
      await leaf.ready();
      await advance(6_000);
      faults.pause(cluster.host('a'), { for: 5_000 });
      await advance(5_400);
      expect((await firstValueFrom(leaf.state$)).status).toBe('connected');
      await advance(200);
      expect((await firstValueFrom(leaf.state$)).status).not.toBe('connected');
    });
  });

  it('handles a call that is queued in the socket before it closes an idle connection', async () => {
    await scene(
      { authenticate: () => 'ann', limits: { idle: 3_000 } },
      async ({ cluster, faults, advance, history, ask }) => {
        await advance(1_000);
        faults.pause(cluster.host('a'), { for: 4_000 });
        await advance(500);
        expect(await ask()).toBe('ann');
        expect(await history()).toStrictEqual({ connects: 1, code: undefined });
      },
    );
  });
});
