import { of } from 'rxjs';
import { toAsyncIterable } from '../../../lib/index.js';
import { expectType } from './expect-type.js';

expectType<AsyncIterable<number>>()(toAsyncIterable(of(1), { capacity: 2 }));
for await (const text of toAsyncIterable(of('a'))) expectType<string>()(text);
// @ts-expect-error a string is no Observable
toAsyncIterable('abc');
