import { Subscription } from 'rxjs';
import { ConfigurationError } from '../../errors.js';
import type { Frame } from '../../wire/frame.js';
import type { Cable, FaultTarget } from './cable.js';
import type { ClusterHost } from './cluster-host.js';
import { framesAt } from '../marbles/marbles.js';
import type { Passing } from './passing.js';
import type { SeededRandom } from '../seeded-random.js';
import type { VirtualClock } from '../time/virtual-clock.js';

/**
 * When a fault happens, and to which messages. Without `at` and `rate`: to the next message, whatever it is. Pings of the
 * connection are messages too: say with `where` or `from` which one is meant.
 */
export interface MessageFaultOptions {
  /** Marbles: each mark is a time from which the next message is hit. Or a number of ms from now. */
  readonly at?: string | number;
  /** Hits each message with this probability, from the seed. */
  readonly rate?: number;
  /** So many messages are hit, for each time of `at`. Default 1, with a rate any number. */
  readonly count?: number;
  /** Ms after which it stops. Default: it does not. */
  readonly for?: number;
  /** Only messages of this end. */
  readonly from?: string;
  /** Only messages that hold such a frame. */
  readonly where?: (frame: Frame) => boolean;
}

/** When a fault of a line or of a host happens. Without `at` and `every`: now. */
export interface LineFaultOptions {
  /** Marbles: each mark is a time at which it happens. Or a number of ms from now. */
  readonly at?: string | number;
  /** At random times whose mean distance is so many ms, from the seed. */
  readonly every?: number;
  /** Ms that it lasts, where it lasts. Default: until the fault is unsubscribed. */
  readonly for?: number;
}

/** Options of {@link Faults.halfOpen} and {@link Faults.stall}. */
export interface DirectionFaultOptions extends LineFaultOptions {
  /** Only what this end sends. Default: both directions. */
  readonly from?: string;
}

/** Options of {@link Faults.restart}. */
export interface RestartOptions extends LineFaultOptions {
  /** True: as a loss of power, the others see nothing. Default: as a killed process, its sockets break. */
  readonly silent?: boolean;
}

/** Options of {@link Faults.clock}. */
export interface ClockFaultOptions extends LineFaultOptions {
  /** Ms by which the wall clock jumps; negative: back. After `for`, or when the fault is unsubscribed, it is set right. */
  readonly wall?: number;
  /**
   * True: the machine sleeps until `for` is over, or the fault is unsubscribed. Its monotonic clock and its timers stand
   * still and nothing reaches it; its wall clock goes on.
   */
  readonly sleep?: boolean;
}

/** Faults of lines and hosts: each at given times, or at random from the seed. Unsubscribing ends a fault. */
export class Faults {
  readonly #clock: VirtualClock;
  readonly #random: SeededRandom;

  /** `random`: by default a fork of the clock's, so that faults do not change other random choices. */
  constructor(clock: VirtualClock, random: SeededRandom = clock.seeded.fork('faults')) {
    this.#clock = clock;
    this.#random = random;
  }

  /** Messages do not arrive. */
  drop(target: FaultTarget, options?: MessageFaultOptions): Subscription {
    return this.#hit(target, options, (passing) => {
      passing.copies = 0;
      passing.fates.push('dropped');
    });
  }

  /** Messages take `ms` longer. What is sent after one waits behind it, as in TCP. */
  delay(target: FaultTarget, ms: number, options?: MessageFaultOptions): Subscription {
    return this.#hit(target, options, (passing) => {
      passing.extraDelay += ms;
      passing.fates.push('delayed');
    });
  }

  /** Messages arrive twice. */
  duplicate(target: FaultTarget, options?: MessageFaultOptions): Subscription {
    return this.#hit(target, options, (passing) => {
      passing.copies *= 2;
      passing.fates.push('duplicated');
    });
  }

  /** Messages arrive behind the one that is sent next. */
  reorder(target: FaultTarget, options?: MessageFaultOptions): Subscription {
    return this.#hit(target, options, (passing) => {
      passing.behindNext = true;
      passing.fates.push('reordered');
    });
  }

  /** One bit of a message is flipped, at a random place. */
  corrupt(target: FaultTarget, options?: MessageFaultOptions): Subscription {
    return this.#hit(target, options, (passing) => {
      if (passing.bytes.length === 0) return;
      passing.bytes = passing.bytes.slice();
      const place = this.#random.below(passing.bytes.length);
      passing.bytes[place]! ^= 1 << this.#random.below(8);
      passing.fates.push('corrupted');
    });
  }

  /** The WebSocket breaks: both ends are told. */
  cut(target: FaultTarget, options?: LineFaultOptions): Subscription {
    return this.#happen(options, () => {
      for (const cable of target.cables) cable.cut();
      return [];
    });
  }

  /** What is sent is lost, and nobody is told; a WebSocket that is opened later is sound. */
  halfOpen(target: FaultTarget, options: DirectionFaultOptions = {}): Subscription {
    return this.#happen(options, () => {
      for (const cable of target.cables) cable.halfOpen(options.from);
      return [];
    });
  }

  /** Nothing moves, and nothing is lost: the sender's buffer fills. */
  stall(target: FaultTarget, options: DirectionFaultOptions = {}): Subscription {
    return this.#happen(options, () => target.cables.map((cable) => cable.stall(options.from)));
  }

  /** No host of one group reaches one of the other: nothing moves, and dials are not answered. */
  partition(groupA: readonly ClusterHost[], groupB: readonly ClusterHost[], options?: LineFaultOptions): Subscription {
    return this.#happen(options, () => cablesBetween(groupA, groupB).map((cable) => cable.partition()));
  }

  /** The host dies, and comes back as a new process; without `for`, when the fault is unsubscribed. */
  restart(host: ClusterHost, options: RestartOptions = {}): Subscription {
    return this.#happen(options, () => {
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
  clock(host: ClusterHost, options: ClockFaultOptions): Subscription {
    const { wall = 0, sleep = false } = options;
    if (!Number.isFinite(wall) || (wall === 0 && !sleep)) {
      throw new ConfigurationError(
        'faults.clock: give `wall`, a number of ms by which the wall clock jumps, or `sleep: true`.',
      );
    }
    return this.#happen(options, () => {
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

  #hit(target: FaultTarget, options: MessageFaultOptions = {}, change: (passing: Passing) => void): Subscription {
    const { rate, count = rate === undefined ? 1 : Infinity, from, where } = options;
    const fits = (passing: Passing): boolean =>
      (from === undefined || passing.from === from) && (where === undefined || passing.frames.some(where));
    return this.#happen(given(options), () => {
      let left = count;
      const stop = target.interfere((passing) => {
        if (left === 0 || !fits(passing)) return;
        if (rate !== undefined && !this.#random.chance(rate)) return;
        left--;
        change(passing);
      });
      return [stop];
    });
  }

  // `begin` gives what undoes it, where it lasts.
  #happen(options: LineFaultOptions = {}, begin: () => readonly (() => void)[]): Subscription {
    const { at, every, for: duration } = options;
    const whole = new Subscription();
    const schedule = (task: () => void, ms: number): void => {
      const cancel = this.#clock.schedule(task, ms);
      whole.add(cancel);
    };
    const fire = (): void => {
      const undo = begin();
      const one = new Subscription();
      for (const each of undo) one.add(each);
      whole.add(one);
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
    return whole;
  }
}

function cablesBetween(groupA: readonly ClusterHost[], groupB: readonly ClusterHost[]): Cable[] {
  return groupA.flatMap((left) => groupB.filter((right) => right !== left).map((right) => left.cable(right)));
}

function given({ at, for: duration }: MessageFaultOptions): LineFaultOptions {
  return { ...(at === undefined ? {} : { at }), ...(duration === undefined ? {} : { for: duration }) };
}
