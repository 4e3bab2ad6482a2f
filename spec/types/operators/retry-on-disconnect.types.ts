import { of, type Observable } from 'rxjs';
import { type DisconnectedError, retryOnDisconnect } from '../../../lib/index.js';
import { expectType } from './expect-type.js';

declare const error: DisconnectedError;

expectType<Observable<number>>()(of(1).pipe(retryOnDisconnect()));
expectType<Observable<string>>()(
  of('a').pipe(retryOnDisconnect({ count: 3, resetOnSuccess: false, idempotent: true })),
);
expectType<boolean>()(error.idempotent);
// @ts-expect-error the route says it, or you
retryOnDisconnect({ idempotent: 'yes' });
// @ts-expect-error it belongs to the call
error.idempotent = true;
