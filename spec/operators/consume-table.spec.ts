import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import * as rx from 'rxjs';
// eslint-disable-next-line rxjs-x/prefer-root-operators -- all of them, and nothing else.
import * as operators from 'rxjs/operators';
import { consume } from '../../lib/operators/consume.js';
import { FakeStream } from '../support/streams/fake-stream.js';

type Row = rx.OperatorFunction<number, unknown>;

/** Of a higher-order operator: each item becomes an Observable of it. */
const flat =
  (join: rx.OperatorFunction<rx.Observable<number>, unknown>): Row =>
  (source) =>
    source.pipe(
      rx.map((value) => rx.of(value)),
      join,
    );
const windows =
  (divide: rx.OperatorFunction<number, rx.Observable<number>>): Row =>
  (source) =>
    source.pipe(divide, rx.mergeAll());

/**
 * Every operator of rxjs between a stream and `consume`. Three items come, and a little time passes. The credits that
 * have returned then, and after the work on each item that reached `consume` has ended.
 */
const table: Readonly<Record<string, Readonly<Record<string, Row>>>> = {
  // Each item is passed on within `next`: its credit is out until the work on it ends.
  '0 1 2 3': {
    catchError: rx.catchError(() => rx.NEVER),
    combineLatestWith: rx.combineLatestWith(rx.of('other')),
    concatAll: flat(rx.concatAll()),
    concatMap: rx.concatMap((value) => rx.of(value)),
    concatWith: rx.concatWith(rx.of(9)),
    connect: rx.connect((shared) => rx.merge(shared)),
    defaultIfEmpty: rx.defaultIfEmpty(9),
    delayWhen: rx.delayWhen(() => rx.of('at once')),
    dematerialize: (source) => source.pipe(rx.materialize(), rx.dematerialize()),
    distinct: rx.distinct(),
    distinctUntilChanged: rx.distinctUntilChanged(),
    distinctUntilKeyChanged: (source) =>
      source.pipe(
        rx.map((value) => ({ value })),
        rx.distinctUntilKeyChanged('value'),
      ),
    endWith: rx.endWith(9),
    exhaustAll: flat(rx.exhaustAll()),
    exhaustMap: rx.exhaustMap((value) => rx.of(value)),
    expand: rx.expand(() => rx.EMPTY),
    filter: rx.filter((value) => value > 0),
    finalize: rx.finalize(() => undefined),
    groupBy: windows(rx.groupBy((value) => value % 2)),
    map: rx.map((value) => 2 * value),
    materialize: rx.materialize(),
    mergeAll: flat(rx.mergeAll()),
    mergeMap: rx.mergeMap((value) => rx.of(value)),
    mergeScan: rx.mergeScan((sum, value) => rx.of(sum + value), 0),
    mergeWith: rx.mergeWith(rx.NEVER),
    onErrorResumeNextWith: rx.onErrorResumeNextWith(rx.NEVER),
    raceWith: rx.raceWith(rx.NEVER),
    repeat: rx.repeat(2),
    retry: rx.retry(2),
    scan: rx.scan((sum, value) => sum + value, 0),
    share: rx.share(),
    shareReplay: rx.shareReplay({ bufferSize: 1, refCount: true }),
    skipUntil: rx.skipUntil(rx.of('at once')),
    startWith: rx.startWith<number, number[]>(),
    subscribeOn: rx.subscribeOn(rx.queueScheduler),
    switchAll: flat(rx.switchAll()),
    switchMap: rx.switchMap((value) => rx.of(value)),
    switchScan: rx.switchScan((sum, value) => rx.of(sum + value), 0),
    take: rx.take(3),
    takeUntil: rx.takeUntil(rx.NEVER),
    takeWhile: rx.takeWhile((value) => value > 0),
    tap: rx.tap(() => undefined),
    throttle: rx.throttle(() => rx.EMPTY),
    throwIfEmpty: rx.throwIfEmpty(),
    timeInterval: rx.timeInterval(),
    timeout: rx.timeout(60_000),
    timestamp: rx.timestamp(),
    window: windows(rx.window(rx.NEVER)),
    windowCount: windows(rx.windowCount(2)),
    windowTime: windows(rx.windowTime(60_000)),
    windowToggle: windows(rx.windowToggle(rx.of('at once'), () => rx.NEVER)),
    windowWhen: windows(rx.windowWhen(() => rx.NEVER)),
    withLatestFrom: rx.withLatestFrom(rx.of('other')),
    zipWith: rx.zipWith(rx.of(1, 2, 3)),
  },
  // One item does not reach consume, or only with the next one: its credit returns at once.
  '1 2 3': {
    pairwise: rx.pairwise(),
    skip: rx.skip(1),
    skipLast: rx.skipLast(1),
    skipWhile: rx.skipWhile((value) => value < 2),
  },
  // One result at the most: the credit of the item that decided it is out, the others returned at once, and a call that
  // nobody needs any more is cancelled.
  '2 3': {
    bufferCount: rx.bufferCount(2),
    elementAt: rx.elementAt(1),
    every: rx.every((value) => value < 2),
    find: rx.find((value) => value === 2),
    findIndex: rx.findIndex((value) => value === 2),
    first: rx.first(),
    isEmpty: rx.isEmpty(),
    throttleTime: rx.throttleTime(1),
  },
  // Nothing comes before the end of the stream: the operator takes the items, and needs no more room for them than it
  // says.
  '3': {
    combineLatestAll: flat(rx.combineLatestAll()),
    count: rx.count(),
    ignoreElements: rx.ignoreElements(),
    last: rx.last(),
    max: rx.max(),
    min: rx.min(),
    reduce: rx.reduce((sum, value) => sum + value, 0),
    sequenceEqual: rx.sequenceEqual<number>(rx.NEVER),
    single: rx.single((value) => value === 2),
    takeLast: rx.takeLast(2),
    // This one holds everything.
    toArray: rx.toArray(),
    zipAll: flat(rx.zipAll()),
  },
};

/** Items come out of these at another time: backpressure is lost, and reported. Put `consume` before them. */
const lost: Readonly<Record<string, Row>> = {
  audit: rx.audit(() => rx.timer(1)),
  auditTime: rx.auditTime(1),
  buffer: rx.buffer(rx.timer(1)),
  bufferTime: rx.bufferTime(1),
  bufferToggle: rx.bufferToggle(rx.of('at once'), () => rx.timer(1)),
  bufferWhen: rx.bufferWhen(() => rx.timer(1)),
  debounce: rx.debounce(() => rx.timer(1)),
  debounceTime: rx.debounceTime(1),
  delay: rx.delay(1),
  observeOn: rx.observeOn(rx.asyncScheduler),
  sample: rx.sample(rx.timer(1)),
  sampleTime: rx.sampleTime(1),
};

/** Deprecated in rxjs 7: each does what one above does. */
const deprecated =
  'combineAll combineLatest concat concatMapTo exhaust flatMap mapTo merge mergeMapTo multicast onErrorResumeNext partition pluck publish publishBehavior publishLast publishReplay race refCount repeatWhen retryWhen switchMapTo timeoutWith zip';

const rows = Object.entries(table).flatMap(([credits, group]) =>
  Object.entries(group).map(([name, operator]) => [name, credits, operator] as const),
);

beforeEach(() => {
  jest.useFakeTimers();
});
afterEach(() => {
  jest.useRealTimers();
});

/** The credits that returned, in order, and what was reported until and at the end. */
function run(operator: Row): { credits: string; reports: number; reportsAtEnd: number } {
  const stream = new FakeStream();
  const work: rx.Subject<never>[] = [];
  const subscription = stream.items
    .pipe(
      operator,
      consume(() => {
        work.push(new rx.Subject());
        return work.at(-1)!;
      }),
    )
    .subscribe();
  stream.push(1, 2, 3);
  jest.advanceTimersByTime(5);
  const credits = [stream.released];
  for (let open = work.shift(); open !== undefined; open = work.shift()) {
    open.complete();
    credits.push(stream.released);
  }
  const reports = stream.events.length;
  stream.end();
  jest.advanceTimersByTime(5);
  subscription.unsubscribe();
  return { credits: credits.join(' '), reports, reportsAtEnd: stream.events.length };
}

describe('the credits of three items, where consume stands behind', () => {
  it.each(rows)('%s: %s', (_, credits, operator) => {
    expect(run(operator)).toStrictEqual({ credits, reports: 0, reportsAtEnd: 0 });
  });

  it.each(Object.entries(lost))('%s: return at once, and that is reported', (_, operator) => {
    const { credits, reports } = run(operator);
    expect([credits[0], reports]).toStrictEqual(['3', 1]);
  });

  it('are known for every operator of rxjs', () => {
    const named = [...rows.map(([name]) => name), ...Object.keys(lost), ...deprecated.split(' ')];
    expect(Object.keys(operators).filter((name) => !named.includes(name))).toStrictEqual([]);
    expect(named.filter((name) => !(name in operators) && !(name in rx))).toStrictEqual([]);
  });
});
