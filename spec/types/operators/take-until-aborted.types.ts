import { of, type Observable } from 'rxjs';
import { takeUntilAborted } from '../../../lib/index.js';
import { expectType } from './expect-type.js';

expectType<Observable<number>>()(of(1).pipe(takeUntilAborted(AbortSignal.timeout(1))));
// @ts-expect-error the controller is not its signal
takeUntilAborted(new AbortController());
