import { z } from 'zod';
import { raw, type } from '../../../lib/codec/codec.js';
import type { Call } from '../../../lib/contract/handler.js';
import { duplex, unary } from '../../../lib/contract/contract.js';
import { defineError } from '../../../lib/contract/define-error.js';
import { RejectedError } from '../../../lib/rejection.js';
import { serveMonitor } from '../../../lib/monitor/index.js';
import { freePort, RealGrid } from '../real-grid.js';
import type { Manager } from '../../../lib/node/server/manager.js';

export const NoDisk = defineError('no-disk', { data: type<{ disk: number }>() });

const diskInfo = unary({
  id: 9,
  name: 'diskInfo',
  request: z.object({ disk: z.number().int() }),
  response: z.object({ free: z.number() }),
  errors: [NoDisk],
});
const odd = unary({ name: 'odd', request: type<unknown>(), response: type<unknown>() });
const slow = unary({ name: 'slow' });
const echo = unary({ name: 'echo', request: raw, response: raw });
const count = duplex({ id: 22, name: 'count', request: type<{ to?: number } | undefined>(), output: type<unknown>() });
const sum = duplex({ name: 'sum', input: z.object({ n: z.number() }), output: type<unknown>() });

interface Signal {
  readonly promise: Promise<void>;
  resolve(): void;
}

function signal(): Signal {
  let resolve = (): void => undefined;
  const promise = new Promise<void>((done) => (resolve = done));
  return { promise, resolve };
}

/** A host for the command, whose leaves show the token `good`, with what its handlers have seen. */
export class CommandHost {
  readonly grid = new RealGrid();
  manager!: Manager;
  url = '';
  /** Items of `count` that were produced. */
  produced = 0;
  /** Resolves when a call of `slow` or `count` has begun, and when one was cancelled. */
  readonly began = signal();
  readonly cancelled = signal();
  /** Why each call of `slow`, `count` and `sum` was aborted. */
  readonly reasons: unknown[] = [];

  static async start({ monitored = true } = {}): Promise<CommandHost> {
    const host = new CommandHost();
    const name = `http://127.0.0.1:${String(await freePort())}`;
    host.manager = host.grid.manager(name, [], {
      leaves: {
        authenticate: (token) => {
          if (token === 'good') return 'tool';
          throw new RejectedError('bad token', 'the token is not accepted');
        },
      },
    });
    if (monitored) serveMonitor(host.manager, { authorize: () => true, frames: 'payloads' });
    host.#serve();
    await host.manager.listen({ address: '127.0.0.1' });
    host.url = name.replace('http:', 'ws:');
    return host;
  }

  close(): Promise<void> {
    return this.grid.close();
  }

  #serve(): void {
    const watch = (call: Call<unknown>): void => {
      this.began.resolve();
      call.signal.addEventListener('abort', () => {
        this.reasons.push(call.signal.reason);
        this.cancelled.resolve();
      });
    };
    this.manager.handle(diskInfo, ({ disk }) => {
      if (disk === 13) throw new NoDisk('there is no disk 13', { disk });
      return { free: disk * 1000 };
    });
    this.manager.handle(
      odd,
      (value) => value ?? { 'k\u001b[31m': '\u202eabc\u0007', at: new Date(0), bytes: Uint8Array.of(1) },
    );
    this.manager.handle(slow, (_, call) => {
      watch(call);
      return new Promise<void>(() => undefined);
    });
    this.manager.handle(echo, (bytes) => bytes);
    const produce = this.#produce.bind(this);
    this.manager.handle(count, (request, call) => {
      watch(call);
      return produce(request?.to ?? Infinity);
    });
    this.manager.handle(sum, async function* (_, call) {
      watch(call);
      let total = 0;
      for await (const { n } of call.input) yield { sum: (total += n) };
    });
  }

  *#produce(to: number): Generator {
    for (let at = 0; at < to; at++) {
      this.produced++;
      yield { at, text: 'x'.repeat(1000) };
    }
  }
}
