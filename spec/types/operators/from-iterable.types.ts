import type { Observable } from 'rxjs';
import { fromIterable } from '../../../lib/index.js';
import { expectType } from './expect-type.js';

declare const items: AsyncGenerator<string, number>;

expectType<Observable<number>>()(fromIterable([1, 2]));
expectType<Observable<string>>()(fromIterable(items, { capacity: 4 }));
expectType<Observable<[string, number]>>()(fromIterable(new Map<string, number>()));
// @ts-expect-error nothing to iterate
fromIterable(1);
// @ts-expect-error a function that gives an iterable: use defer
fromIterable(() => [1]);
