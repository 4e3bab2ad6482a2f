import { expect, test } from '@jest/globals';
import { map, timer } from 'rxjs';
import { TestScheduler } from 'rxjs/testing';
import { duplex, type, unary } from '../../lib/index.js';
import { Faults, GridLink, schedulerRuntime, VirtualClock } from '../../lib/testing/index.js';

/*
 * Synchronous flows inside TestScheduler.run, as users of rxjs know it.
 */

const double = unary({ id: 1, name: 'double', request: type<number>(), response: type<number>() });
const ticks = duplex({ id: 2, name: 'ticks', request: type<number>(), output: type<number>() });

function scheduler(): TestScheduler {
  return new TestScheduler((actual, expected) => {
    expect(actual).toStrictEqual(expected);
  });
}

test('a link on the scheduler of the test', async () => {
  const testScheduler = scheduler();
  const link = new GridLink({ runtime: schedulerRuntime(testScheduler), latency: 2 });
  link.b.handle(double, (number) => timer(10).pipe(map(() => 2 * number)));
  link.b.handle(ticks, (every) => timer(0, every));
  // The one thing that is asynchronous: the hashes are compiled.
  await link.opened;
  testScheduler.run(({ expectObservable, hot }) => {
    expectObservable(link.a.request(double, 4)).toBe('14ms (r|)', { r: 8 });
    expectObservable(link.a.stream(ticks, 5), '^-------------!').toBe('----a----b----', { a: 0, b: 1 });
    expectObservable(link.a.request(double, 1, { timeout: 6 })).toBe('------#', undefined, expect.anything());
    expectObservable(hot('a-b').pipe(map(String))).toBe('a-b');
  });
});

test('the run ends although connections ping forever', async () => {
  const testScheduler = scheduler();
  const link = new GridLink({ runtime: schedulerRuntime(testScheduler, { until: 25_000 }) });
  await link.opened;
  testScheduler.run(({ flush }) => {
    flush();
  });
  expect(testScheduler.frame).toBeGreaterThan(20_000);
  expect(testScheduler.frame).toBeLessThanOrEqual(25_000);
  link.close();
});

test('a link without marbles, on its own clock', async () => {
  const clock = new VirtualClock();
  const link = new GridLink({ runtime: clock, checksum: 'off', names: ['left', 'right'] });
  link.b.handle(double, (number) => 2 * number);
  await link.opened;
  const received: number[] = [];
  link.a.request(double, 4).subscribe((response) => received.push(response));
  clock.runFor(10);
  expect(received).toStrictEqual([8]);
  const lost: string[] = [];
  new Faults(clock).cut(link);
  link.a.request(double, 4).subscribe({
    next: (response) => received.push(response),
    error: (error: unknown) => lost.push((error as Error).name),
  });
  link.reconnect();
  clock.runFor(10);
  link.a.request(double, 5).subscribe((response) => received.push(response));
  clock.runFor(10);
  // The cut led to a wait, and so the call in between went through.
  expect({ received, lost }).toStrictEqual({ received: [8, 8, 10], lost: [] });
  link.close();
});
