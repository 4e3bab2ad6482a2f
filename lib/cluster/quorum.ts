import { Observable, type OperatorFunction } from 'rxjs';
import { checkOption, whole } from '../check.js';
import { askedOf, type HostFailure, type HostOutcome, type HostValue } from './host-outcome.js';
import { QuorumError } from './quorum-error.js';

/**
 * Passes the first `count` answers of the hosts on, completes, and cancels the calls that are left. Errors with a
 * {@link QuorumError}, which has all failures, as soon as so many cannot be reached any more: behind `everyHost` when
 * the failures are too many, elsewhere when the source completes.
 *
 * An operator between `everyHost` and this one may drop outcomes (`filter`); one that replaces them (`map`) makes it
 * wait for the end.
 *
 * @throws ConfigurationError where the count is no whole number of 1 or more.
 *
 * @example
 * grid.everyHost(writeBlock, block).pipe(quorum(2)).subscribe({ complete: () => acknowledge() });
 */
export function quorum<T>(count: number): OperatorFunction<HostOutcome<T>, HostValue<T>> {
  checkOption('quorum: the number of answers', count, whole(1));
  return (source) =>
    new Observable<HostValue<T>>((subscriber) => {
      const failures: HostFailure[] = [];
      let answered = 0;
      const fail = (): void => {
        subscriber.error(new QuorumError(count, answered, failures));
      };
      return source.subscribe({
        next: (outcome) => {
          if ('error' in outcome) failures.push(outcome as HostFailure);
          else {
            answered++;
            subscriber.next(outcome);
            if (answered === count) subscriber.complete();
          }
          const asked = askedOf(outcome);
          if (answered < count && asked !== undefined && asked - failures.length < count) fail();
        },
        error: (error: unknown) => {
          subscriber.error(error);
        },
        complete: fail,
      });
    });
}
