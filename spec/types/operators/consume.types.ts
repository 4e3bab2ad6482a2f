import { of, type Observable } from 'rxjs';
import { consume } from '../../../lib/index.js';
import { expectType } from './expect-type.js';

expectType<Observable<string>>()(of(1).pipe(consume((value) => of(String(value)))));
expectType<Observable<boolean>>()(of(1).pipe(consume(async (value, index) => value === index, { concurrency: 4 })));
expectType<Observable<number>>()(of('a').pipe(consume((value) => [value.length])));
expectType<Observable<never>>()(of(1).pipe(consume(() => [])));
// @ts-expect-error the result of project must be something to wait for
of(1).pipe(consume((value) => value));
// @ts-expect-error another item than the source gives
of('a').pipe(consume((value: number) => of(value)));
// @ts-expect-error no such option
consume(() => of(1), { parallel: 4 });
