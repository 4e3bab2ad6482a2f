import { asyncScheduler, of, type Observable } from 'rxjs';
import { chunk } from '../../../lib/index.js';
import { expectType } from './expect-type.js';

const bytes = of(new Uint8Array(1));

expectType<Observable<Uint8Array<ArrayBuffer>[]>>()(bytes.pipe(chunk({ maxBytes: 9, maxMs: 1 })));
expectType<Observable<string[]>>()(of('a').pipe(chunk({ maxBytes: 9, maxMs: 1, sizeOf: (text) => text.length })));
bytes.pipe(chunk({ maxBytes: 9, maxMs: 1, scheduler: asyncScheduler }));
// @ts-expect-error items without a size
of('a').pipe(chunk({ maxBytes: 9, maxMs: 1 }));
// @ts-expect-error without a time
bytes.pipe(chunk({ maxBytes: 9 }));
// @ts-expect-error without a size
bytes.pipe(chunk({ maxMs: 9 }));
