import { of, Subject, type Observable } from 'rxjs';
import { bufferBounded, type Drop } from '../../../lib/index.js';
import { expectType } from './expect-type.js';

expectType<Observable<number>>()(of(1).pipe(bufferBounded({ capacity: 1, overflow: 'error' })));
expectType<Observable<string>>()(
  of('a').pipe(
    bufferBounded({
      capacity: 1,
      maxBytes: 9,
      sizeOf: (text) => text.length,
      overflow: 'drop-oldest',
      drops: {
        next: ({ value, dropped }) => {
          expectType<string>()(value);
          expectType<number>()(dropped);
        },
      },
    }),
  ),
);
of(1).pipe(bufferBounded({ capacity: 1, overflow: 'drop-newest', drops: new Subject<Drop<number>>() }));
// @ts-expect-error without a capacity
bufferBounded({ overflow: 'error' });
// @ts-expect-error without a policy
bufferBounded({ capacity: 1 });
// @ts-expect-error a policy that there is not
bufferBounded({ capacity: 1, overflow: 'drop' });
// @ts-expect-error drops of other items
of(1).pipe(bufferBounded({ capacity: 1, overflow: 'drop-newest', drops: new Subject<Drop<string>>() }));
