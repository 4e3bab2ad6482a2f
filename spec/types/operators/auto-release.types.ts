import { of, type Observable } from 'rxjs';
import { autoRelease, type CallObservable, type Delivery } from '../../../lib/index.js';
import { expectType } from './expect-type.js';

declare const stream: CallObservable<number>;
declare const deliveries: Observable<Delivery<string>>;

expectType<Observable<number>>()(stream.deliveries.pipe(autoRelease()));
expectType<Observable<string>>()(deliveries.pipe(autoRelease()));
// @ts-expect-error items that are no deliveries
of(1).pipe(autoRelease());
// @ts-expect-error items of a stream are no deliveries
stream.pipe(autoRelease());
