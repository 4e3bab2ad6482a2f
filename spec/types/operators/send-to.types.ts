import { of, type Observable } from 'rxjs';
import { sendTo, type DuplexStream, type SendProgress } from '../../../lib/index.js';
import { expectType } from './expect-type.js';

declare const stream: DuplexStream<number, string>;

expectType<Observable<SendProgress>>()(of(1).pipe(sendTo(stream)));
of(1)
  .pipe(sendTo(stream))
  .subscribe(({ sent, credit }) => {
    expectType<number>()(sent);
    expectType<number>()(credit);
  });
// @ts-expect-error items that the stream does not take
of('a').pipe(sendTo(stream));
// @ts-expect-error a route is no stream
sendTo('upload');
