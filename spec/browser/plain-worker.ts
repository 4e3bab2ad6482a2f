import { firstValueFrom, lastValueFrom, toArray } from 'rxjs';
import { connect } from '../../lib/index.js';
import { count, whoAmI } from './leaf-routes.js';

/* The Worker of shared.spec.ts: a leaf without a page. It gets the URL of the host, and posts what it got. */

const scope = globalThis as unknown as MessagePort;
scope.addEventListener('message', ({ data }) => {
  const leaf = connect(data as string, { token: 'ann' });
  void Promise.all([
    firstValueFrom(leaf.request(whoAmI)),
    lastValueFrom(leaf.stream(count, 1_000).pipe(toArray())),
  ]).then(([name, { length }]) => {
    scope.postMessage([name, length]);
  });
});
