import { type } from '../../../lib/codec/codec.js';
import { unary } from '../../../lib/contract/contract.js';
import type { Call } from '../../../lib/contract/handler.js';
import { DeadlineExceededError } from '../../../lib/errors.js';
import type { Manager } from '../../../lib/index.js';
import type { HandlerEvent } from './recordings.js';

/*
 * The handlers of the recorded peers: spec/vectors/README.md.
 */

/** In and out capacity of the stream handlers. */
export const capacities: Readonly<Record<number, { readonly in: number; readonly out: number }>> = {
  22: { in: 0, out: 4 },
  23: { in: 1, out: 1 },
  24: { in: 2, out: 1 },
  25: { in: 0, out: 1 },
  26: { in: 1, out: 1 },
  27: { in: 1, out: 2 },
  28: { in: 64, out: 64 },
};

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const textOf = (payload: Uint8Array): string => new TextDecoder().decode(payload);

/** Registers all of them. `sleep` waits by the replay's clock; `note` hears what the recorded ones noted. */
export function registerRecordedHandlers(
  manager: Manager,
  sleep: (ms: number) => Promise<void>,
  note: (event: HandlerEvent) => void,
): void {
  registerUnary(manager, sleep);
  registerTyped(manager);
  registerStreams(manager, note);
}

function registerUnary(manager: Manager, sleep: (ms: number) => Promise<void>): void {
  manager.handleRaw({
    id: 8,
    kind: 'unary',
    handle(payload) {
      throw new Error(`boom: ${textOf(payload)}`);
    },
  });
  // The reference takes an empty request for none, and echoes that.
  manager.handleRaw({ id: 9, kind: 'unary', handle: (payload) => (payload.length === 0 ? null : payload) });
  manager.handleRaw({
    id: 10,
    kind: 'unary',
    async handle(payload) {
      await sleep(Number(textOf(payload)));
      return bytes('slept');
    },
  });
  manager.handleRaw({ id: 11, kind: 'unary', handle: () => null });
  manager.handleRaw({ id: 12, kind: 'unary', handle: () => new Uint8Array(0) });
  for (const [subroute, prefix] of [
    ['a/b', 'a'],
    ['c', 'c'],
  ] as const) {
    manager.handleRaw({
      id: 13,
      subroute,
      kind: 'unary',
      handle: (payload) => bytes(`${prefix}:${textOf(payload)}`),
    });
  }
}

function registerTyped(manager: Manager): void {
  const route = (id: number, name: string) => unary({ id, name, request: type<unknown>(), response: type<unknown>() });
  manager.handle(route(14, 'string map'), (request) => ({ ...mapOf(request ?? {}), answered: 'yes' }));
  // The reference's URL values, unlike its string map, know no nil.
  manager.handle(route(15, 'URL values'), (request) => ({ ...mapOf(request), answered: ['yes', '1'] }));
  manager.handle(route(16, 'bytes'), (request) =>
    request === null ? new Uint8Array(0) : Uint8Array.from([...(request as Uint8Array), 0x21]),
  );
}

function mapOf(value: unknown): object {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  throw new TypeError(`A map was asked for, not ${JSON.stringify(value)}.`);
}

function registerStreams(manager: Manager, note: (event: HandlerEvent) => void): void {
  const noteCancel = (call: Call<unknown>, event: string, at?: () => number): void => {
    call.signal.addEventListener('abort', () => {
      note({ event, cause: causeOf(call.signal.reason), ...(at === undefined ? {} : { at: at() }) });
    });
  };
  manager.handleRaw({
    id: 22,
    kind: 'duplex',
    outCapacity: capacities[22]!.out,
    handle(payload, call) {
      const end = Number(textOf(payload));
      let at = 0;
      noteCancel(call, 'count-cancelled', () => at);
      return (function* () {
        for (; at < end; at++) yield bytes(String(at));
      })();
    },
  });
  for (const id of [23, 28]) {
    manager.handleRaw({
      id,
      kind: 'duplex',
      inCapacity: capacities[id]!.in,
      outCapacity: capacities[id]!.out,
      async *handle(payload, call) {
        noteCancel(call, 'duplex-cancelled');
        yield bytes(`hello ${textOf(payload)}`);
        for await (const item of call.input) yield bytes(`e:${textOf(item)}`);
        yield bytes('bye');
      },
    });
  }
  manager.handleRaw({
    id: 24,
    kind: 'duplex',
    inCapacity: capacities[24]!.in,
    outCapacity: capacities[24]!.out,
    async *handle(_payload, call) {
      let items = 0;
      let size = 0;
      for await (const item of call.input) {
        items++;
        size += item.length;
      }
      yield bytes(`${items} messages, ${size} bytes`);
    },
  });
  manager.handleRaw({
    id: 25,
    kind: 'duplex',
    outCapacity: capacities[25]!.out,
    *handle() {
      for (let item = 0; item < 3; item++) yield bytes(String(item));
      throw new Error('failed after three');
    },
  });
  manager.handleRaw({
    id: 26,
    kind: 'duplex',
    inCapacity: capacities[26]!.in,
    outCapacity: capacities[26]!.out,
    handle(_payload, call) {
      note({ event: 'hang-started' });
      noteCancel(call, 'hang-cancelled');
      return new Promise(() => undefined);
    },
  });
  manager.handleRaw({
    id: 27,
    subroute: 'x/y',
    kind: 'duplex',
    inCapacity: capacities[27]!.in,
    outCapacity: capacities[27]!.out,
    handle() {
      throw new Error('handler panic: of the handler that the replay has for it');
    },
  });
}

/** The reference's two causes: the deadline, and everything else. */
function causeOf(reason: unknown): string {
  return reason instanceof DeadlineExceededError ? 'context deadline exceeded' : 'context canceled';
}
