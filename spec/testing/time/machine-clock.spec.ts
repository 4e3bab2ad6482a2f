import { describe, expect, it } from '@jest/globals';
import { MachineClock, VirtualClock } from '../../../lib/testing/index.js';

const start = Date.UTC(2027, 0, 1);
const hour = 3_600_000;

describe('the clocks of a machine', () => {
  it.each([-hour, hour])('jump by %i ms on the wall clock only', (ms) => {
    const clock = new VirtualClock({ start });
    const machine = clock.skewed(0);
    const fired: number[] = [];
    machine.schedule(() => fired.push(machine.now()), 20);
    clock.runFor(10);
    machine.setWall(ms);
    expect([machine.now(), machine.wallNow()]).toStrictEqual([10, start + 10 + ms]);
    clock.runFor(20);
    expect([fired, clock.wallNow()]).toStrictEqual([[20], start + 30]);
  });

  it('stop while it sleeps, with its timers, except for the wall clock', () => {
    const clock = new VirtualClock({ start });
    const machine = clock.skewed(5_000);
    const fired: string[] = [];
    const at = (name: string) => () => fired.push(`${name} ${machine.now()} ${clock.elapsed}`);
    machine.schedule(at('second'), 30);
    machine.schedule(at('first'), 20);
    machine.schedule(at('too'), 20);
    const cancel = machine.schedule(at('never'), 25);
    clock.runFor(10);
    const wake = machine.sleep();
    clock.runFor(hour);
    expect([fired, machine.now(), machine.wallNow()]).toStrictEqual([[], 10, start + 5_000 + 10 + hour]);
    cancel();
    machine.schedule(at('set asleep'), 5);
    wake();
    wake();
    clock.runFor(20);
    expect(fired).toStrictEqual([
      `set asleep 15 ${hour + 15}`,
      `first 20 ${hour + 20}`,
      `too 20 ${hour + 20}`,
      `second 30 ${hour + 30}`,
    ]);
    expect([machine.now(), clock.pendingTimers]).toStrictEqual([30, 0]);
  });

  it('stop until the last of several sleeps ends', () => {
    const clock = new VirtualClock();
    const machine = new MachineClock(clock);
    const [first, second] = [machine.sleep(), machine.sleep()];
    clock.runFor(100);
    first();
    clock.runFor(100);
    expect(machine.now()).toBe(0);
    second();
    clock.runFor(7);
    expect(machine.now()).toBe(7);
  });

  it('are shared by the processes of the machine, each with its own randomness', () => {
    const clock = new VirtualClock();
    const machine = clock.skewed(0);
    const process = clock.fork('a 1', machine);
    let ran = false;
    process.schedule(() => (ran = true), 1);
    process.defer(() => undefined);
    machine.sleep();
    clock.runFor(5);
    expect([process.now(), process.wallNow() - clock.start, ran]).toStrictEqual([0, 5, false]);
    expect(process.random()).toBe(clock.fork('a 1').random());
    expect(machine.random()).toBeLessThan(1);
  });

  it('continue while its process is paused, and overdue timers fire when it resumes', () => {
    const clock = new VirtualClock({ start });
    const machine = clock.skewed(0);
    const ran: string[] = [];
    const at = (name: string) => () => ran.push(`${name} ${machine.now()}`);
    machine.schedule(at('second'), 40);
    machine.schedule(at('first'), 20);
    machine.schedule(at('later'), 200);
    const resume = machine.pause();
    const resumeToo = machine.pause();
    machine.defer(at('deferred'));
    clock.runFor(100);
    expect([ran, machine.now(), machine.wallNow()]).toStrictEqual([[], 100, start + 100]);
    resume();
    resume();
    clock.runFor(1);
    expect(ran).toStrictEqual([]);
    resumeToo();
    clock.runFor(150);
    expect(ran).toStrictEqual(['deferred 101', 'second 101', 'first 101', 'later 200']);
  });

  it('drift: both run at another rate, and so do its timers; the difference remains', () => {
    const clock = new VirtualClock({ start });
    const machine = clock.skewed(0);
    const fired: string[] = [];
    const fire = (): number => fired.push(`${machine.now()} ${clock.elapsed}`);
    machine.schedule(fire, 1_000);
    clock.runFor(100);
    machine.setRate(2);
    clock.runFor(100);
    expect([machine.now(), machine.wallNow()]).toStrictEqual([300, start + 300]);
    clock.runFor(400);
    expect(fired).toStrictEqual(['1000 550']);
    machine.setRate(1);
    const { elapsed } = clock;
    clock.runFor(100);
    expect([machine.now(), machine.wallNow() - start]).toStrictEqual([elapsed + 600, elapsed + 600]);
    machine.setRate(0.5);
    machine.schedule(fire, 25);
    clock.runFor(50);
    expect(fired[1]).toBe(`${elapsed + 625} ${elapsed + 150}`);
  });
});
