import { ConfigurationError } from '../../errors.js';
import { checkOption, whole } from '../../check.js';
import { framesAt } from '../marbles/marbles.js';
import type { SeededRandom } from '../seeded-random.js';
import type { ClusterHost } from './cluster-host.js';
import {
  checkFaultOptions,
  checkTarget,
  faultRules,
  refuseOnBytes,
  type ClockFaultOptions,
  type DirectionFaultOptions,
  type LineFaultOptions,
  type MessageFaultOptions,
  type RestartOptions,
  type SliceFaultOptions,
} from './fault-options.js';
import type { FaultCable, FaultHost, FaultParty, FaultTarget } from './fault-target.js';
import { Fault, targetText, textOf } from './fault.js';
import type { Passing } from './passing.js';

/** The time on which faults happen: virtual, or that of the platform. */
export interface FaultClock {
  /** Randomness of the seed. */
  readonly seeded: SeededRandom;
  /** Runs `task` after `ms`; the result cancels it. */
  schedule(task: () => void, ms: number): () => void;
  /** Reports what a task threw. */
  fail(error: unknown): void;
}

/** What a fault does when it strikes: what undoes it, where it lasts; undefined where there was nothing to strike. */
type Strike = () => readonly (() => void)[] | undefined;

/**
 * Faults of lines and hosts: each at given times, or at random from the seed. Unsubscribing ends a fault.
 *
 * Every method throws ConfigurationError for options that are unknown or out of their range, and for hosts that the target
 * does not have.
 */
export class Faults {
  readonly #clock: FaultClock;
  readonly #random: SeededRandom;
  readonly #all: Fault[] = [];

  /** `random`: by default a fork of the clock's, so that faults do not change other random choices. */
  constructor(clock: FaultClock, random: SeededRandom = clock.seeded.fork('faults')) {
    this.#clock = clock;
    this.#random = random;
  }

  /** The faults that have not struck so far, and were to: `gridTest` fails where any are left at its end. */
  get unstruck(): readonly Fault[] {
    return this.#all.filter(({ strikes, mayMiss }) => strikes === 0 && !mayMiss);
  }

  /** Messages do not arrive. */
  drop(target: FaultTarget, options?: MessageFaultOptions): Fault {
    return this.#hit('drop', target, options, (passing) => {
      passing.copies = 0;
      passing.fates.push('dropped');
    });
  }

  /** Messages take `ms` longer. What is sent after one waits behind it, as in TCP. */
  delay(target: FaultTarget, ms: number, options?: MessageFaultOptions): Fault {
    checkOption('faults.delay: ms', ms, whole(1));
    return this.#hit('delay', target, options, (passing) => {
      passing.extraDelay += ms;
      passing.fates.push('delayed');
    });
  }

  /**
   * Messages arrive in pieces of so many bytes, `gap` ms apart. In memory, where a message arrives whole, it arrives with its
   * last piece.
   */
  slice(target: FaultTarget, bytes: number, options: SliceFaultOptions = {}): Fault {
    checkOption('faults.slice: bytes', bytes, whole(1));
    const { gap = 1, ...when } = options;
    checkFaultOptions('faults.slice', options, faultRules.slice, target.ends);
    return this.#hit('slice', target, when, (passing) => {
      passing.pieces = { bytes, gap };
      passing.fates.push('sliced');
    });
  }

  /** Messages arrive twice. */
  duplicate(target: FaultTarget, options?: MessageFaultOptions): Fault {
    return this.#hit('duplicate', target, options, (passing) => {
      passing.copies *= 2;
      passing.fates.push('duplicated');
    });
  }

  /** Messages arrive behind the one that is sent next. */
  reorder(target: FaultTarget, options?: MessageFaultOptions): Fault {
    return this.#hit('reorder', target, options, (passing) => {
      passing.behindNext = true;
      passing.fates.push('reordered');
    });
  }

  /** One bit of a message is flipped, at a random place. */
  corrupt(target: FaultTarget, options?: MessageFaultOptions): Fault {
    return this.#hit('corrupt', target, options, (passing) => {
      if (passing.bytes.length === 0) return;
      passing.bytes = passing.bytes.slice();
      const place = this.#random.below(passing.bytes.length);
      passing.bytes[place]! ^= 1 << this.#random.below(8);
      passing.fates.push('corrupted');
    });
  }

  /** The WebSocket breaks: both ends see it at once. */
  cut(target: FaultTarget, options?: LineFaultOptions): Fault {
    return this.#onLines('cut', target, options, faultRules.line, (cables) =>
      some(cables.map((cable) => cable.cut())) ? [] : undefined,
    );
  }

  /** What is sent is lost, and neither end is informed; a WebSocket that is opened later works. */
  halfOpen(target: FaultTarget, options: DirectionFaultOptions = {}): Fault {
    return this.#onLines('halfOpen', target, options, faultRules.direction, (cables) =>
      some(cables.map((cable) => cable.halfOpen(options.from))) ? [] : undefined,
    );
  }

  /** Nothing moves, and nothing is lost: the sender's buffer fills. */
  stall(target: FaultTarget, options: DirectionFaultOptions = {}): Fault {
    return this.#onLines('stall', target, options, faultRules.direction, (cables) =>
      cables.map((cable) => cable.stall(options.from)),
    );
  }

  /** The line carries no more than so many bytes per second, in each direction. */
  limit(target: FaultTarget, bytesPerSecond: number, options: DirectionFaultOptions = {}): Fault {
    checkOption('faults.limit: bytesPerSecond', bytesPerSecond, whole(1));
    return this.#onLines('limit', target, options, faultRules.direction, (cables) =>
      cables.map((cable) => cable.limit(bytesPerSecond, options.from)),
    );
  }

  /** No host or leaf of one group reaches one of the other: nothing moves, and dials are not answered. */
  partition(groupA: readonly FaultParty[], groupB: readonly FaultParty[], options: LineFaultOptions = {}): Fault {
    const name = 'faults.partition';
    checkFaultOptions(name, options, faultRules.line);
    for (const group of [groupA, groupB]) {
      if (!Array.isArray(group) || group.length === 0) {
        throw new ConfigurationError(`${name}: a group must be a list of hosts and leaves that is not empty.`);
      }
      for (const party of group) checkTarget(name, party, ['name', 'cable']);
    }
    const names = (group: readonly FaultParty[]): string => group.map((party) => party.name).join(', ');
    return this.#happen(textOf('partition', `[${names(groupA)}], [${names(groupB)}]`, options), options, () =>
      groupA.flatMap((left) =>
        groupB.filter((right) => right.name !== left.name).map((right) => left.cable(right.name).partition()),
      ),
    );
  }

  /** The host dies, and comes back as a new process; without `for`, when the fault is unsubscribed. */
  restart(host: FaultHost, options: RestartOptions = {}): Fault {
    checkTarget('faults.restart', host, ['name', 'crash', 'start']);
    checkFaultOptions('faults.restart', options, faultRules.restart);
    return this.#happen(textOf('restart', host.name, options), options, () => {
      if (!host.running) return undefined;
      host.crash(options.silent);
      return [
        () => {
          host.start().catch((error: unknown) => {
            this.#clock.fail(error);
          });
        },
      ];
    });
  }

  /**
   * The clocks of a host's machine are no longer those of the others: its wall clock is set, or the machine sleeps, or both.
   *
   * ```ts
   * faults.clock(cluster.host('a'), { wall: -600_000 });                 // set back by ten minutes
   * faults.clock(cluster.host('a'), { sleep: true, for: 3_600_000 });    // a laptop, closed for an hour
   * ```
   *
   * @throws ConfigurationError where neither is asked for.
   */
  clock(host: Pick<ClusterHost, 'name' | 'setWall' | 'sleep'>, options: ClockFaultOptions): Fault {
    checkTarget('faults.clock', host, ['setWall', 'sleep']);
    checkFaultOptions('faults.clock', options, faultRules.clock);
    const { wall = 0, sleep = false } = options;
    if (wall === 0 && !sleep) {
      throw new ConfigurationError(
        'faults.clock: give `wall`, a number of ms by which the wall clock jumps, or `sleep: true`.',
      );
    }
    return this.#happen(textOf('clock', host.name, options), options, () => {
      const undo: (() => void)[] = [];
      if (wall !== 0) {
        host.setWall(wall);
        undo.push(() => {
          host.setWall(-wall);
        });
      }
      if (sleep) undo.unshift(host.sleep());
      return undo;
    });
  }

  #onLines(
    name: string,
    target: FaultTarget,
    options: LineFaultOptions = {},
    rules: (typeof faultRules)['line' | 'direction'],
    strike: (cables: readonly FaultCable[]) => readonly (() => void)[] | undefined,
  ): Fault {
    checkTarget(`faults.${name}`, target, ['cables', 'interfere']);
    checkFaultOptions(`faults.${name}`, options, rules, target.ends);
    return this.#happen(textOf(name, targetText(target), options), options, () =>
      target.cables.length === 0 ? undefined : strike(target.cables),
    );
  }

  #hit(
    name: string,
    target: FaultTarget,
    options: MessageFaultOptions = {},
    change: (passing: Passing) => void,
  ): Fault {
    checkTarget(`faults.${name}`, target, ['cables', 'interfere']);
    checkFaultOptions(`faults.${name}`, options, faultRules.message, target.ends);
    const { rate, count = rate === undefined ? 1 : Infinity, from, where } = options;
    refuseOnBytes(name, target, where !== undefined);
    const fits = (passing: Passing): boolean =>
      (from === undefined || passing.from === from) && (where === undefined || passing.frames.some(where));
    // Counted by the messages that are struck, not by the times from which they are.
    const fault: Fault = this.#happen(
      textOf(name, targetText(target), options),
      options,
      () => {
        let left = count;
        const stop = target.interfere((passing) => {
          if (left === 0 || !fits(passing)) return;
          if (rate !== undefined && !this.#random.chance(rate)) return;
          left--;
          fault.strikes++;
          change(passing);
        });
        return [stop];
      },
      false,
    );
    return fault;
  }

  #happen(text: string, options: LineFaultOptions, strike: Strike, counts = true): Fault {
    const { at, every, for: duration, mayMiss = false } = options;
    const fault = new Fault(`faults.${text}`, mayMiss);
    this.#all.push(fault);
    const schedule = (task: () => void, ms: number): void => {
      const cancel = this.#clock.schedule(task, ms);
      fault.add(cancel);
    };
    const fire = (): void => {
      const undo = strike();
      if (undo === undefined) return;
      if (counts) fault.strikes++;
      const one = new Fault(text, true);
      for (const each of undo) one.add(each);
      fault.add(one);
      if (duration === undefined) return;
      schedule(() => {
        one.unsubscribe();
      }, duration);
    };
    const repeat = (mean: number): void => {
      schedule(
        () => {
          fire();
          repeat(mean);
        },
        this.#random.interval(mean) + (duration ?? 0),
      );
    };
    if (every !== undefined) repeat(every);
    else if (at === undefined) fire();
    else for (const time of typeof at === 'number' ? [at] : framesAt(at)) schedule(fire, time);
    return fault;
  }
}

/** Whether any is true; all are evaluated before. */
function some(done: readonly boolean[]): boolean {
  return done.includes(true);
}
