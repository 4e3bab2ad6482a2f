import type { Readable } from 'node:stream';
import { of } from 'rxjs';
import { toNodeReadable } from '../../../lib/node/index.js';
import { expectType } from './expect-type.js';

expectType<Readable>()(toNodeReadable(of(1), { highWaterMark: 2, capacity: 2, signal: AbortSignal.timeout(1) }));
toNodeReadable(of(new Uint8Array(1)), { objectMode: false });
// @ts-expect-error reading is not the user's to give
toNodeReadable(of(1), { read: () => undefined });
