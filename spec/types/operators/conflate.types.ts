import { of, Subject, type Observable } from 'rxjs';
import { conflate, type Drop } from '../../../lib/index.js';
import { expectType } from './expect-type.js';

expectType<Observable<number>>()(of(1).pipe(conflate()));
expectType<Observable<number>>()(of(1).pipe(conflate((kept, item) => kept + item)));
expectType<Observable<string>>()(of('a').pipe(conflate({ drops: new Subject<Drop<string>>() })));
// @ts-expect-error a fold into something else
of(1).pipe(conflate((kept, item) => String(kept + item)));
// @ts-expect-error a fold gives nothing up
conflate({ reduce: (kept: number) => kept });
// @ts-expect-error drops of other items
of(1).pipe(conflate({ drops: new Subject<Drop<string>>() }));
