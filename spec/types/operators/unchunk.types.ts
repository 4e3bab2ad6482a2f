import { of, type Observable } from 'rxjs';
import { chunk, unchunk } from '../../../lib/index.js';
import { expectType } from './expect-type.js';

declare const lists: Observable<readonly (string | number)[]>;

expectType<Observable<number>>()(of([1, 2]).pipe(unchunk()));
expectType<Observable<string | number>>()(lists.pipe(unchunk()));
expectType<Observable<string>>()(
  of('a').pipe(chunk({ maxBytes: 9, maxMs: 1, sizeOf: (text: string) => text.length }), unchunk()),
);
// @ts-expect-error bytes are no chunk of items
of(new Uint8Array(1)).pipe(unchunk());
// @ts-expect-error a string is no chunk of its letters
of('abc').pipe(unchunk());
