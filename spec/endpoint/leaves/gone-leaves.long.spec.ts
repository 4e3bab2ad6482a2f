import { expect, it } from '@jest/globals';
import { maxGoneLeaves } from '../../../lib/bounds.js';
import { MemoryNetwork } from '../../support/memory-network.js';

it('a host forgets the leaves that left first, beyond 1 024 of them', async () => {
  const host = 'http://host:9000';
  const network = new MemoryNetwork();
  const leaves = { authenticate: (token: string) => token, max: 2 * maxGoneLeaves };
  const manager = network.manager(host, [], { leaves });
  await manager.start();
  const connected = Array.from({ length: maxGoneLeaves + 1 }, (_, index) =>
    network.leaf(host, { token: `user ${String(index)}` }),
  );
  await network.settle();
  for (const leaf of connected) leaf.close();
  await network.settle();
  expect(() => manager.connection('user 0')).toThrow('user 0 is no host of this cluster');
  await expect(manager.connection('user 1').ready()).rejects.toMatchObject({ code: 'disconnected' });
  expect(await network.close()).toBe(0);
});
