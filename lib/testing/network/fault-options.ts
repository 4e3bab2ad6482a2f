import {
  aFunction,
  anObject,
  checkOptions,
  either,
  oneOf,
  shown,
  someText,
  timerMs,
  whole,
  type Rule,
} from '../../check.js';
import { ConfigurationError } from '../../errors.js';
import { nearestOf } from '../name-check.js';
import type { Frame } from '../../wire/frame.js';
import type { FaultTarget } from './fault-target.js';
import { aDuration, framesAt } from '../marbles/marbles.js';

/** Options of all faults. */
export interface FaultOptions {
  /**
   * True: the fault may end without having struck once. Default false: `gridTest` fails for such a fault, because the
   * test tried less than it says.
   */
  readonly mayMiss?: boolean;
}

/**
 * When a fault strikes, and which messages. Without `at` and `rate`: the next message, whatever it is. Pings of the
 * connection are messages too: `where` or `from` say which one is meant.
 */
export interface MessageFaultOptions extends FaultOptions {
  /** Marbles: each mark is a time from which the next message is struck. Or a number of ms from now. */
  readonly at?: string | number;
  /** Strikes each message with this probability, above 0 and up to 1, drawn from the seed. */
  readonly rate?: number;
  /** How many messages are struck, for each time of `at`. Default 1; with a rate, any number. */
  readonly count?: number;
  /** Time after which the fault ends: ms, or a duration such as `5s`. Default: it does not. */
  readonly for?: number | string;
  /** Only messages of this end. */
  readonly from?: string;
  /** Only messages that hold such a frame. */
  readonly where?: (frame: Frame) => boolean;
}

/** When a fault of a line or of a host happens. Without `at` and `every`: now. */
export interface LineFaultOptions extends FaultOptions {
  /** Marbles: each mark is a time at which it happens. Or a number of ms from now. */
  readonly at?: string | number;
  /** At random times with this mean distance, drawn from the seed: ms, or a duration such as `5s`. */
  readonly every?: number | string;
  /** Time that it lasts, where it lasts: ms, or a duration. Default: until the fault is unsubscribed. */
  readonly for?: number | string;
}

/** Options of {@link Faults.halfOpen}, {@link Faults.stall} and {@link Faults.limit}. */
export interface DirectionFaultOptions extends LineFaultOptions {
  /** Only what this end sends. Default: both directions. */
  readonly from?: string;
}

/** Options of {@link Faults.slice}. */
export interface SliceFaultOptions extends MessageFaultOptions {
  /** Ms between two pieces. Default 1. */
  readonly gap?: number;
}

/** Options of {@link Faults.restart}. */
export interface RestartOptions extends LineFaultOptions {
  /** True: as a loss of power, the others see nothing. Default: as a killed process, its sockets break. */
  readonly silent?: boolean;
}

/** Options of {@link Faults.clock}. */
export interface ClockFaultOptions extends LineFaultOptions {
  /**
   * Ms by which the wall clock jumps; negative: back. After `for`, or when the fault is unsubscribed, it is set right.
   */
  readonly wall?: number;
  /**
   * True: the machine sleeps until `for` is over, or the fault is unsubscribed. Its monotonic clock and its timers
   * stand still and nothing reaches it; its wall clock goes on.
   */
  readonly sleep?: boolean;
  /**
   * Both clocks of the machine run at another rate: 1.001 gains 1 ms in each second. From 0.5 to 2. After `for` the
   * rate is right again, and what the clocks have gained or lost stays.
   */
  readonly rate?: number;
}

/** Options of {@link Faults.partition}. */
export interface PartitionOptions extends LineFaultOptions {
  /** True: only what the first group sends does not arrive; dials between the groups are not answered either way. */
  readonly oneWay?: boolean;
}

const probability: Rule = {
  expected: 'a probability above 0 and up to 1',
  accepts: (value) => typeof value === 'number' && value > 0 && value <= 1,
};
const clockRate: Rule = {
  expected: 'a number from 0.5 to 2',
  accepts: (value) => typeof value === 'number' && value >= 0.5 && value <= 2,
};
const finite: Rule = { expected: 'a finite number of ms', accepts: Number.isFinite };
const diagram: Rule = either(timerMs, {
  expected: 'a diagram with a mark for each time, such as "---x--x"',
  accepts: (value) => typeof value === 'string' && framesAt(value).length > 0,
});
// In a diagram, a duration lets time pass and marks nothing.
const times: Rule = { ...diagram, hint: (value) => (aDuration(value) ? ` Write "${value} x" for one time.` : '') };
const duration: Rule = either(timerMs, {
  expected: 'a duration such as "500ms", "5s", "1m" or "1h"',
  accepts: aDuration,
});
const counts: Rule = either(whole(1), { expected: 'Infinity', accepts: (value) => value === Infinity });
const flag = oneOf(true, false);

const shared = { mayMiss: flag, at: times, for: duration };
const lineRules = { ...shared, every: duration };
const directionRules = { ...lineRules, from: someText };
const messageRules = {
  ...shared,
  rate: probability,
  count: counts,
  from: someText,
  where: aFunction('says whether a frame is meant'),
};

/** The rules for the options of each kind of fault. */
export const faultRules = {
  message: messageRules,
  slice: { ...messageRules, gap: timerMs },
  line: lineRules,
  direction: directionRules,
  restart: { ...lineRules, silent: flag },
  partition: { ...lineRules, oneWay: flag },
  clock: { ...lineRules, wall: finite, sleep: flag, rate: clockRate },
} as const satisfies Readonly<Record<string, Readonly<Record<string, Rule>>>>;

/**
 * Checks the options of a fault. `ends`: the hosts that `from` may name, where they are known.
 *
 * @throws ConfigurationError
 */
export function checkFaultOptions(
  name: string,
  options: object,
  rules: Readonly<Record<string, Rule>>,
  ends?: readonly string[],
): void {
  checkOptions(options, rules, { of: name });
  const { from, at, every } = options as DirectionFaultOptions;
  if (at !== undefined && every !== undefined) {
    throw new ConfigurationError(`${name}: give \`at\` or \`every\`, not both.`);
  }
  if (from !== undefined && ends !== undefined && !ends.includes(from)) {
    throw new ConfigurationError(`${name}: from is '${from}', which is none of its ends. ${nearestOf(from, ends)}`);
  }
}

/** @throws ConfigurationError where the target of a fault has no lines. */
export function checkTarget(name: string, target: unknown): void {
  if (hasMembers(target, ['cables', 'interfere'])) return;
  throw new ConfigurationError(
    `${name}: the target must be a link, a cluster, a cable such as grid.cable('a', 'b'), or a leaf; it is ${shown(target)}.`,
  );
}

/** @throws ConfigurationError where the target of a fault is no host, or none that can have this fault. */
export function checkHost(name: string, host: unknown, methods: readonly string[]): void {
  if (hasMembers(host, methods)) return;
  if (hasMembers(host, ['name', 'crash'])) {
    throw new ConfigurationError(
      `${name} needs virtual time, and a host over real sockets has none. Run this test with gridTest, or use restart.`,
    );
  }
  throw new ConfigurationError(
    `${name}: the target must be a host of the cluster, such as grid.host('a'); it is ${shown(host)}.`,
  );
}

function hasMembers(target: unknown, names: readonly string[]): boolean {
  const given = target as Readonly<Record<string, unknown>> | null | undefined;
  return anObject.accepts(given) && names.every((name) => given![name] !== undefined);
}

/** The faults that need to know where a message begins and ends. */
const ofMessages = ['drop', 'duplicate', 'reorder'];

/** @throws ConfigurationError for a fault of messages on a line that carries bytes. */
export function refuseOnBytes(name: string, { carries }: FaultTarget, hasWhere: boolean): void {
  if (carries !== 'bytes' || (!hasWhere && !ofMessages.includes(name))) return;
  throw new ConfigurationError(
    `faults.${name}${hasWhere ? ': where' : ''}: real sockets carry bytes in which messages cannot be distinguished. ` +
      'Use cut, halfOpen, stall, partition, delay, slice, corrupt or limit, or run this test on virtual time.',
  );
}
