import { stat } from 'node:fs';
import { connect, createServer, type AddressInfo } from 'node:net';
import { afterEach, describe, expect, it, jest } from '@jest/globals';

type Global = typeof globalThis & { process: unknown };

/** The runtime as it is made on a platform with these globals. */
function runtimeWith(
  globals: Partial<Record<keyof Global, unknown>>,
): typeof import('../lib/runtime.js').systemRuntime {
  let made!: typeof import('../lib/runtime.js');
  for (const [name, value] of Object.entries(globals)) {
    const own = Object.getOwnPropertyDescriptor(globalThis, name)!;
    undo.push(() => Object.defineProperty(globalThis, name, own));
    Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
  }
  jest.isolateModules(() => {
    // eslint-disable-next-line @typescript-eslint/no-require-imports -- a module instance of its own.
    made = require('../lib/runtime.js') as typeof made;
  });
  return made.systemRuntime;
}

const undo: (() => void)[] = [];
afterEach(() => {
  for (const restore of undo.splice(0)) restore();
});

describe('the runtime of the platform', () => {
  it('defers in Node until after the running code', async () => {
    const order: string[] = [];
    await new Promise<void>((resolve) => {
      setTimeout(() => {
        runtimeWith({}).defer(() => {
          order.push('deferred');
          resolve();
        });
        order.push('now');
      }, 0);
    });
    expect(order).toStrictEqual(['now', 'deferred']);
  });

  it('defers in a browser, whose functions must not be called on another object', async () => {
    const { queueMicrotask } = globalThis;
    function strict(this: unknown, task: () => void): void {
      if (this !== undefined && this !== globalThis) throw new TypeError('Illegal invocation');
      queueMicrotask(task);
    }
    const runtime = runtimeWith({ process: undefined, queueMicrotask: strict });
    const deferred = new Promise<void>((resolve) => {
      runtime.defer(resolve);
    });
    await expect(deferred).resolves.toBeUndefined();
  });

  it('has a wall clock that follows that of the platform, and a monotonic one that does not', () => {
    let wall = 1_798_761_600_000;
    let monotonic = 5_000;
    const performance = { now: () => monotonic, timeOrigin: 7 };
    const runtime = runtimeWith({ Date: { now: () => wall }, performance });
    expect([runtime.wallNow(), runtime.now()]).toStrictEqual([wall, 5_000]);
    wall -= 3_600_000;
    monotonic += 1;
    expect([runtime.wallNow(), runtime.now()]).toStrictEqual([wall, 5_001]);
  });

  it('has timers that can be cancelled', async () => {
    const runtime = runtimeWith({});
    const fired: string[] = [];
    await new Promise<void>((resolve) => {
      runtime.schedule(() => fired.push('cancelled'), 0)();
      runtime.schedule(() => {
        fired.push('due');
        resolve();
      }, 0);
    });
    expect(fired).toStrictEqual(['due']);
  });

  it('has turns of the event loop between which Node reads the sockets, however long a turn takes', async () => {
    const runtime = runtimeWith({});
    const server = createServer((socket) => socket.end('x'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
    const read = new Promise<void>((resolve) => {
      socket.once('data', () => {
        resolve();
      });
    });
    await new Promise<void>((resolve) => socket.once('connect', resolve));
    let turns = 0;
    let cancel = (): void => undefined;
    const turn = (): void => {
      if (++turns < 1_000) cancel = runtime.nextTurn!(turn);
      const end = performance.now() + 2;
      while (performance.now() < end);
    };
    turn();
    await read;
    cancel();
    expect(turns).toBeLessThan(1_000);
    await new Promise((resolve) => server.close(resolve));
  });

  it('does not wait for the next turn where there is nothing to read, as a timer of 0 ms does', async () => {
    const runtime = runtimeWith({});
    const order: string[] = [];
    await new Promise<void>((resolve) => {
      // Within a turn, its end comes before any timer.
      stat('.', () => {
        runtime.schedule(resolve, 0);
        runtime.schedule(() => order.push('timer'), 0);
        runtime.nextTurn!(() => order.push('turn'));
      });
    });
    expect(order[0]).toBe('turn');
  });

  it('has turns that can be cancelled, and timers for them in a browser', async () => {
    for (const globals of [{}, { setImmediate: undefined }]) {
      const runtime = runtimeWith(globals);
      const order: string[] = [];
      await new Promise<void>((resolve) => {
        runtime.nextTurn!(() => order.push('cancelled'))();
        runtime.nextTurn!(() => {
          order.push('turn');
          resolve();
        });
      });
      expect(order).toStrictEqual(['turn']);
    }
  });
});
