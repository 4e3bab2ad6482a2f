/*
 * What runs in the pages of shared.spec.ts. The spec calls the functions of `leafPage`.
 */

import { firstValueFrom, lastValueFrom, toArray } from 'rxjs';
import type { ConnectionState, LeafConnection } from '../../lib/index.js';
import { connectShared } from '../../lib/shared/index.js';
import { count, whoAmI } from './leaf-routes.js';

let leaf: LeafConnection;
let state: ConnectionState;

const sharedPage = {
  connect(url: string, token: string, pingInterval = 300) {
    const options = { type: 'module', name: `${pingInterval} ${url}` } as const;
    leaf = connectShared(() => new SharedWorker('/shared-worker.js', options), { token });
    leaf.state$.subscribe((each) => (state = each));
  },
  state: () => state,
  ask: () => firstValueFrom(leaf.request(whoAmI, undefined, { waitForConnect: true })),
  count: async (to: number) => (await lastValueFrom(leaf.stream(count, to).pipe(toArray()))).length,
  close: () => {
    leaf.close();
  },
  /** The page cannot say that it leaves, as one that crashes. */
  muteGoodbye() {
    const { postMessage } = MessagePort.prototype;
    const others = function (this: MessagePort, message: unknown, transfer: Transferable[] = []): void {
      if ((message as { rxgrid?: unknown }).rxgrid !== 'gone') postMessage.call(this, message, { transfer });
    };
    MessagePort.prototype.postMessage = others as typeof postMessage;
  },
  /** What a leaf in a Worker got. */
  inWorker: (url: string) =>
    new Promise<unknown>((resolve) => {
      const worker = new Worker('/plain-worker.js', { type: 'module' });
      worker.addEventListener('message', ({ data }) => {
        resolve(data);
      });
      worker.postMessage(url);
    }),
};

export type SharedPage = typeof sharedPage;
(globalThis as { leafPage?: SharedPage }).leafPage = sharedPage;
