import { EventEmitter } from 'node:events';
import { expect, it } from '@jest/globals';
import type { Etcd3 } from 'etcd3';
import { EtcdRegistration } from '../../../lib/node/membership/etcd-registration.js';

// A client whose puts are answered by the test.
function fakeClient(): { readonly client: Etcd3; readonly puts: ((revision: number) => Promise<void>)[] } {
  const puts: ((revision: number) => Promise<void>)[] = [];
  const exec = (): Promise<unknown> =>
    new Promise((resolve) => {
      puts.push(async (revision) => {
        resolve({ header: { revision: String(revision) } });
        await new Promise(setImmediate);
      });
    });
  const lease = Object.assign(new EventEmitter(), {
    put: () => ({ value: () => ({ exec }) }),
    revoked: () => false,
    release: () => undefined,
    revoke: () => Promise.resolve(),
  });
  return { client: { lease: () => lease } as unknown as Etcd3, puts };
}

function register() {
  const { client, puts } = fakeClient();
  let registered = 0;
  const registration = new EtcdRegistration({
    client,
    key: 'grid/http://a:1',
    value: 'http://a:1',
    ttl: 10,
    maxPause: 1_000,
    registered: () => registered++,
    failed: (error) => {
      throw error;
    },
  });
  return { puts, registration, registered: () => registered };
}

it('puts the entry again when it was deleted before the answer to its put arrived', async () => {
  const { puts, registration, registered } = register();
  registration.restore(8n);
  await puts[0]!(7);
  expect([puts.length, registered()]).toStrictEqual([2, 0]);
  await puts[1]!(9);
  expect([puts.length, registered()]).toStrictEqual([2, 1]);
});

it('puts it once when it was missing before its put', async () => {
  const { puts, registration, registered } = register();
  registration.restore(6n);
  await puts[0]!(7);
  expect([puts.length, registered()]).toStrictEqual([1, 1]);
});

it('puts it once where etcd was restored from a backup, so that its revisions go back', async () => {
  const { puts, registration, registered } = register();
  await puts[0]!(5_000);
  registration.restore(5_001n);
  await puts[1]!(5_002);
  registration.restore(3_000n);
  await puts[2]!(3_001);
  expect([puts.length, registered()]).toStrictEqual([3, 3]);
});
