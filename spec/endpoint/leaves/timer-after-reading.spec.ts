import { beforeEach, expect, it } from '@jest/globals';
import { timerAfterReading } from '../../../lib/endpoint/leaves/timer-after-reading.js';
import type { Runtime } from '../../../lib/runtime.js';

let now: number;
let ran: number[];
let timer: { readonly task: () => void; readonly ms: number } | undefined;

// The times at which a held-up process runs a timer are those that the test says.
const runtime = {
  now: () => now,
  schedule: (task: () => void, ms: number) => {
    timer = { task, ms };
    return () => {
      timer = undefined;
    };
  },
} as unknown as Runtime;

beforeEach(() => {
  now = 1_000;
  ran = [];
  timer = undefined;
});

const start = (): (() => void) => timerAfterReading(runtime, () => ran.push(now), 100);

/** The timer runs so many ms late. */
function runLate(late: number): void {
  const { task, ms } = timer!;
  timer = undefined;
  now += ms + late;
  task();
}

it('runs its task in time', () => {
  start();
  runLate(1);
  expect([ran, timer]).toStrictEqual([[1_101], undefined]);
});

// Seed 65723: the token of a leaf expired in the last 20 ms in which its host stood still.
it('reads for 500 ms first where it is late, and not again where it is a little late as well', () => {
  start();
  runLate(2);
  expect([ran, timer?.ms]).toStrictEqual([[], 500]);
  runLate(50);
  expect(ran).toStrictEqual([1_102 + 550]);
});

it('reads again if the process was held up in these', () => {
  start();
  runLate(51);
  expect([ran, timer?.ms]).toStrictEqual([[], 500]);
  runLate(3_000);
  expect([ran, timer?.ms]).toStrictEqual([[], 500]);
  runLate(0);
  expect(ran).toStrictEqual([1_151 + 3_500 + 500]);
});

it.each([0, 1])('can be cancelled after %d late timers', (times) => {
  const cancel = start();
  for (let time = 0; time < times; time++) runLate(1_000);
  cancel();
  expect([ran, timer]).toStrictEqual([[], undefined]);
});
