import {
  DeadlineExceededError,
  DisconnectedError,
  LimitError,
  ProtocolError,
  RefusedError,
  RemoteError,
} from '../../lib/index.js';
import { busyMs } from '../../lib/mux/reading-time.js';
import { rules, unaryTimeout, type CallRecord } from './ledger.js';
import { bulkItems, endless, takesInput } from './operation.js';
import { leafPrefix, startUp } from './reasons.js';
import { plannedFailure } from './source.js';
import { PlannedThrow } from './throws.js';
import type { World } from './world.js';

/** How a call ended for its caller. */
export interface End {
  readonly error?: unknown;
}

/**
 * Round trips of a stream of {@link bulkItems} where the window grows, and where it stays at the default, of 16 items.
 */
const bulkRoundTrips = 16;
const fixedRoundTrips = bulkItems / 16 + 4;
/** Ms that an answer may take beside its handler’s time and a round trip. */
const answerSlack = 5;

/** Whether the outcome of one call is what it has to be. */
export class CallChecks {
  readonly #record: CallRecord;
  readonly #world: World;
  readonly #abortReason: unknown;

  /** `abortReason`: what the call fails with when its signal is aborted. */
  constructor(record: CallRecord, world: World, abortReason: unknown) {
    this.#record = record;
    this.#world = world;
    this.#abortReason = abortReason;
  }

  /** The call has ended now. */
  check(end: End): void {
    this.#checkDeadline();
    if ('error' in end) this.#checkReason(end.error);
    else {
      this.#checkWhole();
      this.#checkThroughput();
    }
    this.#checkLatency(end);
  }

  get #took(): number {
    return this.#world.simulation.clock.elapsed - this.#record.beganAt;
  }

  #violate(rule: string, text: string): void {
    this.#world.ledger.violate(rule, this.#record, text);
  }

  #checkDeadline(): void {
    const { from, route, timeout, taker, late: lateTaker } = this.#record.operation;
    const isUnary = route === 'ask' || route === 'askByName';
    // In the other ways the consumer's own time comes on top.
    if (!isUnary && (taker !== 'subscribe' || lateTaker > 0)) return;
    const allowed = timeout === 0 ? (isUnary ? unaryTimeout : Infinity) : timeout;
    const { reasons } = this.#world.ledger;
    const { beganAt } = this.#record;
    const late = reasons.drift(allowed) + reasons.pausedFor(from, beganAt, beganAt + this.#took);
    if (this.#took > allowed + 1 + late) this.#violate(rules.deadline, `it took ${this.#took} ms of ${allowed}`);
  }

  #checkReason(error: unknown): void {
    const { route, script } = this.#record.operation;
    if (error instanceof DisconnectedError) this.#record.unsent = !error.sent;
    if (error instanceof PlannedThrow && error.call === script.id) {
      this.#world.ledger.throws.report(error, 'outcome');
      return;
    }
    if (this.#hasReason(error)) return;
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    this.#violate(rules.reason, `${route}: ${text}`);
  }

  // By cause: what a call fails with must have happened to it, or to the hosts between which it runs, and in time.
  #hasReason(error: unknown): boolean {
    const { from, to, timeout, route, script, abortAt } = this.#record.operation;
    const { ledger } = this.#world;
    const { reasons } = ledger;
    const { beganAt } = this.#record;
    if (error !== undefined && error === this.#abortReason) return abortAt > 0;
    if (error instanceof DisconnectedError) {
      return beganAt < startUp || reasons.touched(from, to, beganAt) || ledger.line.storm || this.#isOfIdleLeaf;
    }
    if (error instanceof DeadlineExceededError) return timeout > 0 || route.startsWith('ask');
    if (this.#isOfDrain(error)) return true;
    if (ledger.line.storm && this.#isOfStorm(error)) return true;
    const isTampered = ledger.tampered(this.#record);
    if (error instanceof ProtocolError) return isTampered;
    if (!(error instanceof RemoteError)) return false;
    const isPlanned = script.failAt >= 0 || script.throws !== undefined;
    if (isPlanned && error.message === plannedFailure) {
      this.#checkBeforeFailure();
      return true;
    }
    // What became of the call that the relay made.
    const isRelayed = timeout > 0 || isPlanned || beganAt < startUp || reasons.touched(to, script.via, beganAt);
    return isTampered || (route === 'relay' && isRelayed);
  }

  // The leaf may have been disconnected, and connects for the call.
  get #isOfIdleLeaf(): boolean {
    return this.#world.ledger.line.idleLeaves && this.#record.operation.from.startsWith(leafPrefix);
  }

  // A host that drains, or that has been taken from the list, refuses calls before they begin.
  #isOfDrain(error: unknown): boolean {
    const { from, to } = this.#record.operation;
    const { reasons } = this.#world.ledger;
    const isRefusal = (error as { readonly code?: unknown }).code === 'unavailable' || error instanceof RefusedError;
    // Each side refuses the calls of a host that it does not have in its list any more.
    if (!isRefusal || ![from, to].some((host) => reasons.wasUpset(host, this.#record.beganAt))) return false;
    // A relay that was refused ran itself.
    this.#record.unsent = this.#record.operation.route !== 'relay';
    return true;
  }

  // What the small limits of a storm lead to, at this side and at the other one.
  #isOfStorm(error: unknown): boolean {
    if (error instanceof LimitError || error instanceof RefusedError) return true;
    return (
      error instanceof RemoteError &&
      (this.#record.operation.route === 'relay' || /maxSendQueueBytes|maxReceiveBytes/.test(error.message))
    );
  }

  /** What was given before the handler failed has come. */
  #checkBeforeFailure(): void {
    const { route, script } = this.#record.operation;
    const { delivered } = this.#record.out;
    if (route === 'echo' || route.startsWith('ask')) return;
    if (script.throws === undefined && delivered === script.failAt) return;
    if (script.throws !== undefined && (script.throws !== 'handler' || delivered === 0)) return;
    const due = script.throws === undefined ? script.failAt : 0;
    this.#violate(rules.whole, `it failed after ${due} items, and ${delivered} came`);
  }

  /** A unary call over a line that is fast and sound takes a round trip, beside what its handler takes. */
  #checkLatency(end: End): void {
    const { from, to, route, script } = this.#record.operation;
    const { line, reasons } = this.#world.ledger;
    const { beganAt } = this.#record;
    const isAnswer = !('error' in end) || end.error instanceof RemoteError;
    if (this.#isOfIdleLeaf) return;
    if (!route.startsWith('ask') || !isAnswer || line.bandwidth !== undefined || beganAt < startUp) return;
    if (reasons.touched(from, to, beganAt) || reasons.waited(from, to, beganAt)) return;
    // In a storm, so many frames arrive at once that either side may read them in slices, which may be late.
    const slack = line.storm ? answerSlack + 2 * busyMs : answerSlack;
    const allowed = 2 * (line.latency + line.jitter) + script.pace + slack;
    if (this.#took > allowed) this.#violate(rules.latency, `it took ${this.#took} ms, and ${allowed} are due`);
  }

  /** A window that grows holds a fast consumer up for a few round trips: it doubles in each, from 16 items on. */
  #checkThroughput(): void {
    const { from, to, script } = this.#record.operation;
    const { ledger } = this.#world;
    const { latency, jitter, bandwidth } = ledger.line;
    const { beganAt } = this.#record;
    // Where the round trips vary, a window may not grow.
    if (script.items !== bulkItems || beganAt < startUp || bandwidth !== undefined || jitter * 4 > latency) return;
    if (from === to) return;
    if (ledger.reasons.touched(from, to, beganAt) || ledger.reasons.waited(from, to, beganAt)) return;
    const roundTrips = ledger.areCurrent(from, to) ? bulkRoundTrips : fixedRoundTrips;
    const allowed = roundTrips * (2 * (latency + jitter) + answerSlack);
    if (this.#took > allowed) this.#violate(rules.latency, `it took ${this.#took} ms, and ${allowed} are due`);
  }

  #checkWhole(): void {
    const { route, script, input } = this.#record.operation;
    const { out, in: into } = this.#record;
    const isUnary = route === 'ask' || route === 'askByName';
    const sent = isUnary ? 1 : route === 'echo' ? input.items : script.items;
    const whole =
      (route === 'echo' || (script.failAt < 0 && script.items !== endless)) &&
      out.delivered === sent &&
      (!(takesInput(route) || route === 'echo') || into.delivered === input.items);
    if (whole) return;
    this.#violate(
      rules.whole,
      `${out.delivered} of ${sent} items came, ${into.delivered} of ${input.items} of the input`,
    );
  }
}
