import { describe, expect, it } from '@jest/globals';
import { concat, EMPTY, filter, map, NEVER, of, Subject, throwError, type Observable } from 'rxjs';
import { noteAsked, type HostOutcome } from '../../lib/cluster/host-outcome.js';
import { QuorumError } from '../../lib/cluster/quorum-error.js';
import { quorum } from '../../lib/cluster/quorum.js';
import { record } from '../support/linked-managers.js';

const value = (host: string): HostOutcome<number> => ({ host, value: 1 });
const failure = (host: string): HostOutcome<number> => ({ host, error: new Error(`no ${host}`) });
const asked = (hosts: number, ...outcomes: HostOutcome<number>[]): Observable<HostOutcome<number>> =>
  concat(of(...outcomes.map((each) => noteAsked(each, hosts))), NEVER);

describe('quorum', () => {
  it('completes with the first answers, and cancels the rest', () => {
    const outcomes = new Subject<HostOutcome<number>>();
    const { log } = record(outcomes.pipe(quorum(2)));
    outcomes.next(value('a'));
    outcomes.next(failure('b'));
    expect(outcomes.observed).toBe(true);
    outcomes.next(value('c'));
    expect(log).toStrictEqual([value('a'), value('c'), 'done']);
    expect(outcomes.observed).toBe(false);
  });

  it('errors as soon as it cannot be reached, with all failures', () => {
    const { log } = record(asked(3, value('a'), failure('b'), failure('c')).pipe(quorum(2)));
    expect(log).toStrictEqual([value('a'), expect.any(QuorumError)]);
    expect(log[1]).toMatchObject({
      code: 'quorum',
      needed: 2,
      answered: 1,
      failures: [{ host: 'b' }, { host: 'c' }],
      message: '2 hosts had to answer, and 1 did: b: no b; c: no c',
    });
  });

  it('waits for the end where the number of calls is unknown', () => {
    const outcomes = new Subject<HostOutcome<number>>();
    const { log } = record(outcomes.pipe(quorum(2)));
    for (const host of ['a', 'b', 'c']) outcomes.next(failure(host));
    expect(log).toStrictEqual([]);
    outcomes.complete();
    expect(log).toStrictEqual([expect.any(QuorumError)]);
  });

  it('knows the number of calls behind filter, and waits for the end behind map', () => {
    const source = asked(2, failure('a'), failure('b'));
    expect(
      record(
        source.pipe(
          filter(() => true),
          quorum(1),
        ),
      ).log,
    ).toStrictEqual([expect.any(QuorumError)]);
    expect(
      record(
        source.pipe(
          map((each): HostOutcome<number> => ({ ...each })),
          quorum(1),
        ),
      ).log,
    ).toStrictEqual([]);
  });

  it('fails where fewer hosts were called than required, or none', () => {
    expect(record(asked(1, value('a')).pipe(quorum(2))).log).toStrictEqual([value('a'), expect.any(QuorumError)]);
    expect(record(EMPTY.pipe(quorum(1))).log).toStrictEqual([expect.any(QuorumError)]);
  });

  it('counts an undefined value as an answer, and passes errors of its source on', () => {
    expect(record(of({ host: 'a', value: undefined }).pipe(quorum(1))).log).toStrictEqual([
      { host: 'a', value: undefined },
      'done',
    ]);
    const error = new Error('x');
    expect(record(throwError(() => error).pipe(quorum(1))).log).toStrictEqual([error]);
  });

  it.each([0, -1, 1.5, '2', undefined])('refuses the count %p', (count) => {
    expect(() => quorum(count as number)).toThrow(/quorum: the number of answers must be a whole number, 1 or more/);
  });
});
