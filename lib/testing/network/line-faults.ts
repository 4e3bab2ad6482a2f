import { checkOption, whole } from '../../check.js';
import { framesAt, timeOf } from '../marbles/marbles.js';
import type { SeededRandom } from '../seeded-random.js';
import {
  checkFaultOptions,
  checkTarget,
  faultRules,
  refuseOnBytes,
  type DirectionFaultOptions,
  type LineFaultOptions,
  type MessageFaultOptions,
  type SliceFaultOptions,
} from './fault-options.js';
import type { FaultCable, FaultTarget } from './fault-target.js';
import { Fault, targetText, textOf } from './fault.js';
import type { MessageInFlight } from './message-fault.js';

/** The time on which faults happen: virtual, or that of the platform. */
export interface FaultClock {
  /** Randomness of the seed. */
  readonly seeded: SeededRandom;
  /** Runs `task` after `ms`; the result cancels it. */
  schedule(task: () => void, ms: number): () => void;
  /** Reports what a task threw. */
  fail(error: unknown): void;
}

/** Makes a fault happen. The result undoes it, where it lasts; undefined: there was nothing to strike. */
type Strike = () => readonly (() => void)[] | undefined;

/** Faults of messages and of lines; see {@link Faults}. */
export class LineFaults {
  /** @internal */
  protected readonly time: FaultClock;
  /** @internal */
  protected readonly random: SeededRandom;
  readonly #all: Fault[] = [];

  /** `random`: by default a fork of the clock's, so that faults do not change other random choices. */
  constructor(clock: FaultClock, random: SeededRandom = clock.seeded.fork('faults')) {
    this.time = clock;
    this.random = random;
  }

  /** The faults that have not struck so far, and were to: `gridTest` fails where any are left at its end. */
  get unstruck(): readonly Fault[] {
    return this.#all.filter(({ strikes, mayMiss }) => strikes === 0 && !mayMiss);
  }

  /** All faults that were asked for. */
  get all(): readonly Fault[] {
    return this.#all;
  }

  /** Messages do not arrive. */
  drop(target: FaultTarget, options?: MessageFaultOptions): Fault {
    return this.hit('drop', target, options, (message) => {
      message.copies = 0;
      message.fates.push('dropped');
    });
  }

  /** Messages take `ms` longer. What is sent after one waits behind it, as in TCP. */
  delay(target: FaultTarget, ms: number, options?: MessageFaultOptions): Fault {
    checkOption('faults.delay: ms', ms, whole(1));
    return this.hit('delay', target, options, (message) => {
      message.extraDelay += ms;
      message.fates.push('delayed');
    });
  }

  /**
   * Messages arrive in pieces of so many bytes, `gap` ms apart. In memory, where a message arrives whole, it arrives
   * with its last piece.
   */
  slice(target: FaultTarget, bytes: number, options: SliceFaultOptions = {}): Fault {
    checkOption('faults.slice: bytes', bytes, whole(1));
    const { gap = 1, ...when } = options;
    checkFaultOptions('faults.slice', options, faultRules.slice, target.ends);
    return this.hit('slice', target, when, (message) => {
      message.pieces = { bytes, gap };
      message.fates.push('sliced');
    });
  }

  /** Messages arrive twice. */
  duplicate(target: FaultTarget, options?: MessageFaultOptions): Fault {
    return this.hit('duplicate', target, options, (message) => {
      message.copies *= 2;
      message.fates.push('duplicated');
    });
  }

  /** Messages arrive behind the one that is sent next. */
  reorder(target: FaultTarget, options?: MessageFaultOptions): Fault {
    return this.hit('reorder', target, options, (message) => {
      message.behindNext = true;
      message.fates.push('reordered');
    });
  }

  /** One bit of a message is flipped, at a random place. */
  corrupt(target: FaultTarget, options?: MessageFaultOptions): Fault {
    return this.hit('corrupt', target, options, (message) => {
      if (message.bytes.length === 0) return;
      message.bytes = message.bytes.slice();
      const place = this.random.below(message.bytes.length);
      message.bytes[place]! ^= 1 << this.random.below(8);
      message.fates.push('corrupted');
    });
  }

  /** The WebSocket breaks: both ends see it at once. */
  cut(target: FaultTarget, options?: LineFaultOptions): Fault {
    return this.onLines('cut', target, options, faultRules.line, (cables) =>
      some(cables.map((cable) => cable.cut())) ? [] : undefined,
    );
  }

  /** What is sent is lost, and neither end is informed; a WebSocket that is opened later works. */
  halfOpen(target: FaultTarget, options: DirectionFaultOptions = {}): Fault {
    return this.onLines('halfOpen', target, options, faultRules.direction, (cables) =>
      some(cables.map((cable) => cable.halfOpen(options.from))) ? [] : undefined,
    );
  }

  /** Nothing moves, and nothing is lost: the sender's buffer fills. */
  stall(target: FaultTarget, options: DirectionFaultOptions = {}): Fault {
    return this.onLines('stall', target, options, faultRules.direction, (cables) =>
      cables.map((cable) => cable.stall(options.from)),
    );
  }

  /** The line carries no more than so many bytes per second, in each direction. */
  limit(target: FaultTarget, bytesPerSecond: number, options: DirectionFaultOptions = {}): Fault {
    checkOption('faults.limit: bytesPerSecond', bytesPerSecond, whole(1));
    return this.onLines('limit', target, options, faultRules.direction, (cables) =>
      cables.map((cable) => cable.limit(bytesPerSecond, options.from)),
    );
  }

  /** @internal */
  protected onLines(
    name: string,
    target: FaultTarget,
    options: LineFaultOptions = {},
    rules: (typeof faultRules)['line' | 'direction'],
    strike: (cables: readonly FaultCable[]) => readonly (() => void)[] | undefined,
  ): Fault {
    checkTarget(`faults.${name}`, target);
    checkFaultOptions(`faults.${name}`, options, rules, target.ends);
    return this.happen(textOf(name, targetText(target), options), options, () =>
      target.cables.length === 0 ? undefined : strike(target.cables),
    );
  }

  /** @internal */
  protected hit(
    name: string,
    target: FaultTarget,
    options: MessageFaultOptions = {},
    change: (message: MessageInFlight) => void,
  ): Fault {
    checkTarget(`faults.${name}`, target);
    checkFaultOptions(`faults.${name}`, options, faultRules.message, target.ends);
    const { rate, count = rate === undefined ? 1 : Infinity, from, where } = options;
    refuseOnBytes(name, target, where !== undefined);
    const fits = (message: MessageInFlight): boolean =>
      (from === undefined || message.from === from) && (where === undefined || message.frames.some(where));
    // Counted by the messages that are struck, not by the times from which they are.
    const fault: Fault = this.happen(
      textOf(name, targetText(target), options),
      options,
      () => {
        let left = count;
        const stop = target.interfere((message) => {
          if (left === 0 || !fits(message)) return;
          if (rate !== undefined && !this.random.chance(rate)) return;
          left--;
          fault.strikes++;
          change(message);
        });
        return [stop];
      },
      false,
    );
    return fault;
  }

  /** @internal */
  protected happen(text: string, options: LineFaultOptions, strike: Strike, counts = true): Fault {
    const { at, every, mayMiss = false } = options;
    const duration = options.for === undefined ? undefined : timeOf(options.for);
    const random = every !== undefined || 'rate' in options;
    const fault = new Fault(`faults.${text}`, mayMiss, random);
    this.#all.push(fault);
    const schedule = (task: () => void, ms: number): void => {
      const cancel = this.time.schedule(task, ms);
      fault.add(cancel);
    };
    const fire = (): void => {
      const undo = strike();
      if (undo === undefined) return;
      if (counts) fault.strikes++;
      const one = new Fault(text, true, random);
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
        this.random.interval(mean) + (duration ?? 0),
      );
    };
    if (every !== undefined) repeat(timeOf(every));
    else if (at === undefined) fire();
    else for (const time of typeof at === 'number' ? [at] : framesAt(at)) schedule(fire, time);
    return fault;
  }
}

/** Whether any is true; all are evaluated before. */
function some(done: readonly boolean[]): boolean {
  return done.includes(true);
}
