import type { Observable } from 'rxjs';
import { fromReadableStream } from '../../../lib/index.js';
import { expectType } from './expect-type.js';

declare const response: Response;
declare const stream: ReadableStream<string>;

expectType<Observable<string>>()(fromReadableStream(stream, { capacity: 2 }));
expectType<Observable<Uint8Array<ArrayBuffer>>>()(fromReadableStream(response.body!));
// @ts-expect-error there may be no body
fromReadableStream(response.body);
