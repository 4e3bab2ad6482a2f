import { expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import type { CreditWindow } from '../../lib/limits.js';
import type { CallerStream } from '../../lib/mux/stream/caller-stream.js';
import type { ResponderStream } from '../../lib/mux/stream/responder-stream.js';
import {
  cancelled,
  EngineEnd,
  nothing,
  textOf,
  type ResponseRecorder,
  type StreamRecorder,
  type UnaryCall,
} from '../support/protocol/engines.js';
import { bytesOf } from '../support/protocol/frames.js';
import { ManualRuntime } from '../support/manual-runtime.js';
import { runs } from '../support/property-runs.js';

/*
 * Two engines, and whatever their users, the network and the clock may do. After each step, and when everything is
 * quiet in the end, what must always hold is checked.
 */

const whats = [
  'open',
  'open',
  'call',
  'send',
  'send',
  'send',
  'release',
  'release',
  'cancel',
  'half-close',
  'complete',
  'fail',
  'respond',
  'cancel call',
  'deliver',
  'deliver',
  'deliver',
  'advance',
  'full',
  'drain',
] as const;

const step = fc.record({
  what: fc.constantFrom(...whats),
  side: fc.constantFrom(0, 1),
  pick: fc.nat({ max: 1000 }),
  count: fc.nat({ max: 40 }),
});

/** Capacities of the four stream handlers, by their ids. */
const routes: Readonly<Record<number, { in: number; out: CreditWindow }>> = {
  2: { in: 0, out: { initial: 1, max: 1 } },
  3: { in: 1, out: { initial: 2, max: 2 } },
  4: { in: 4, out: { initial: 4, max: 64 } },
  5: { in: 16, out: { initial: 2, max: 1000, maxBytes: 3000 } },
};

/** One stream with its two ends, and what was sent on it. */
interface Stream {
  readonly route: number;
  readonly caller: StreamRecorder<CallerStream>;
  handler: StreamRecorder<ResponderStream> | undefined;
  readonly up: string[];
  readonly down: string[];
}

class World {
  readonly runtime = new ManualRuntime();
  readonly ends: readonly [EngineEnd, EngineEnd];
  readonly streams: Stream[] = [];
  readonly calls: ResponseRecorder[] = [];
  readonly served: UnaryCall[] = [];
  /** Messages on their way to each end. */
  readonly #wires: [Uint8Array[], Uint8Array[]] = [[], []];

  constructor(extensions: boolean, checksum: boolean) {
    const make = (): EngineEnd => new EngineEnd({ runtime: this.runtime, extensions, checksum });
    this.ends = [make(), make()];
    this.ends.forEach((end, side) => {
      end.sink.onSend = () => {
        this.#wires[1 - side]!.push(...end.sink.take());
      };
      const served = end.serveUnary(1, (_, payload) => {
        expect(textOf(payload)).toMatch(/^call \d+$/);
      });
      const push = served.push.bind(served);
      served.push = (...calls) => {
        this.served.push(...calls);
        return push(...calls);
      };
      for (const [id, route] of Object.entries(routes)) {
        end.serveStream(Number(id), route.in, route.out, (handler, payload) => {
          const stream = this.streams[Number(textOf(payload))]!;
          expect(stream.handler).toBe(undefined);
          stream.handler = handler;
        });
      }
    });
  }

  run({ what, side, pick, count }: { what: (typeof whats)[number]; side: number; pick: number; count: number }): void {
    const end = this.ends[side]!;
    const stream = this.streams[pick % Math.max(1, this.streams.length)];
    const own = side === 0 ? stream?.caller : stream?.handler;
    // A third of the calls have a deadline.
    const timeout = count % 3 === 0 ? 1 + pick : undefined;
    switch (what) {
      case 'open': {
        const route = 2 + (pick % 4);
        const options = {
          payload: String(this.streams.length),
          inCapacity: routes[route]!.in,
          outCapacity: routes[route]!.out,
        };
        const caller = end.open(route, timeout === undefined ? options : { ...options, timeout });
        this.streams.push({ route, caller, handler: undefined, up: [], down: [] });
        break;
      }
      case 'call':
        this.calls.push(end.request(1, `call ${this.calls.length}`, timeout ?? 60_000));
        break;
      case 'send':
        if (stream === undefined || own === undefined) break;
        for (let left = count; left > 0 && own.mux.writable; left--) {
          const sent = own === stream.caller ? stream.up : stream.down;
          // Some items leave at once, as fragments.
          const item = `${sent.length}${(left + pick) % 9 === 0 ? 'x'.repeat(40_000) : ''}`;
          sent.push(item);
          own.send(item);
        }
        break;
      case 'release':
        own?.release(count);
        break;
      case 'cancel':
        stream?.caller.mux.cancel(cancelled);
        break;
      case 'half-close':
        stream?.caller.mux.halfClose();
        break;
      case 'complete':
        stream?.handler?.mux.complete();
        break;
      case 'fail':
        stream?.handler?.mux.fail('boom');
        break;
      case 'respond': {
        const call = this.served[pick % Math.max(1, this.served.length)];
        call?.mux.respond(bytesOf(`re: ${call.payload}`));
        break;
      }
      case 'cancel call':
        this.calls[pick % Math.max(1, this.calls.length)]?.mux.cancel();
        break;
      case 'deliver':
        this.runtime.turn();
        for (const message of this.#wires[side]!.splice(0, 1 + (count % 4))) end.engine.receive(message);
        break;
      case 'advance':
        this.runtime.advance(pick);
        break;
      case 'full':
        end.sink.bufferedBytes = 1 << 20;
        break;
      case 'drain':
        end.sink.bufferedBytes = 0;
        end.engine.drained();
        break;
    }
  }

  check(extensions: boolean): void {
    for (const { route, caller, handler, up, down } of this.streams) {
      const { in: inCapacity, out } = routes[route]!;
      must('credit of the caller', caller.mux.credit >= 0 && caller.mux.credit <= inCapacity);
      must('what the caller received', isPrefix(itemsOf(caller), down));
      if (handler === undefined) continue;
      const { credit, held } = handler.mux;
      must('credit of the handler', credit >= 0 && credit <= (extensions ? out.max : out.initial));
      must('what the handler holds', held <= inCapacity);
      must('what the handler received', isPrefix(itemsOf(handler), up));
      must('the input is whole', !handler.received.includes('input ended') || itemsOf(handler).length === up.length);
      for (const { received } of [caller, handler]) {
        const end = received.findIndex((what) => what.startsWith('ended'));
        must('one end, and nothing after it', end === -1 || end === received.length - 1);
      }
    }
    must(
      'one answer to a call',
      this.calls.every(({ received }) => received.length <= 1),
    );
    must(
      'one end of a served call',
      this.served.every(({ cancelled: reasons }) => reasons.length <= 1),
    );
    must(
      'no fault',
      this.ends.every(({ faults }) => faults.length === 0),
    );
  }

  /** Frames that were ever sent, and messages that ever came. */
  get #traffic(): number {
    return this.ends.reduce((sum, { sink, engine }) => sum + sink.frames.length + engine.stats.messagesIn, 0);
  }

  /** Everybody does what is left to do, until nothing happens any more. */
  settle(): void {
    for (const { mux, payload } of this.served) mux.respond(bytesOf(`re: ${payload}`));
    for (let before = -1; before !== this.#traffic;) {
      before = this.#traffic;
      for (const { caller, handler } of this.streams) {
        caller.mux.halfClose();
        caller.release(2000);
        handler?.release(2000);
        handler?.mux.complete();
      }
      for (const { mux, payload } of this.served) mux.respond(bytesOf(`re: ${payload}`));
      for (const side of [0, 1]) {
        this.run({ what: 'drain', side, pick: 0, count: 0 });
        this.runtime.turn();
        for (const message of this.#wires[side]!.splice(0)) this.ends[side]!.engine.receive(message);
      }
      this.runtime.turn();
    }
    this.runtime.turn();
    expect(this.#wires).toStrictEqual([[], []]);
  }

  checkQuiet(): void {
    for (const { caller, handler, up, down } of this.streams) {
      expect(caller.received.at(-1)).toMatch(/^ended/);
      if (handler !== undefined) expect(handler.received.at(-1)).toMatch(/^ended/);
      // A clean end means that everything has come.
      if (caller.error === undefined) expect(itemsOf(caller)).toStrictEqual(down);
      if (handler?.received.includes('input ended') === true) expect(itemsOf(handler)).toStrictEqual(up);
    }
    this.calls.forEach(({ received, mux }, index) => {
      expect(mux.ended).toBe(true);
      if (received[0]?.startsWith('re:') === true) expect(received).toStrictEqual([`re: call ${index}`]);
    });
    // Credit that was to be sent later has nobody to go to, and is forgotten when it was due.
    this.runtime.advance(10);
    for (const { leftovers } of this.ends) expect(leftovers).toStrictEqual(nothing);
    expect(this.runtime.scheduled).toBe(0);
  }
}

function itemsOf({ received }: { readonly received: readonly string[] }): readonly string[] {
  return received.filter((what) => !what.startsWith('ended') && what !== 'input ended');
}

function isPrefix(items: readonly string[], sent: readonly string[]): boolean {
  return items.every((item, index) => item === sent[index]);
}

/** As `expect`, which takes most of the time when it is called a million times. */
function must(what: string, holds: boolean): void {
  if (!holds) throw new Error(`It must hold, and does not: ${what}.`);
}

it.each([
  { extensions: true, checksum: true },
  { extensions: false, checksum: true },
  { extensions: true, checksum: false },
])(
  'invariants hold under random events %p',
  ({ extensions, checksum }) => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 20, maxLength: 150, size: 'max' }), (steps) => {
        const world = new World(extensions, checksum);
        for (const what of steps) {
          world.run(what);
          world.check(extensions);
        }
        world.settle();
        world.check(extensions);
        world.checkQuiet();
      }),
      { numRuns: runs(300), seed: 20_260_101 },
    );
  },
  60_000,
);

it('invariants hold when the connection is lost in the middle', () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 20, maxLength: 100, size: 'max' }), fc.nat(1), (steps, side) => {
      const world = new World(true, true);
      for (const what of steps) world.run(what);
      const end = world.ends[side]!;
      const before = end.sink.frames.length;
      end.engine.close();
      world.ends[1 - side]!.engine.close();
      world.runtime.advance(100_000);
      expect(end.sink.frames).toHaveLength(before);
      world.check(true);
      world.checkQuiet();
    }),
    { numRuns: runs(200), seed: 20_260_102 },
  );
}, 60_000);
