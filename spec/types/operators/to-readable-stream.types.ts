import { of } from 'rxjs';
import { toReadableStream } from '../../../lib/index.js';
import { expectType } from './expect-type.js';

expectType<ReadableStream<number>>()(toReadableStream(of(1), { capacity: 2 }));
new Response(toReadableStream(of(new Uint8Array(1))));
// @ts-expect-error the queue of the stream is always empty
toReadableStream(of(1), { highWaterMark: 1 });
