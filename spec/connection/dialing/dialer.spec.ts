import { describe, expect, it } from '@jest/globals';
import { NEVER, Observable, Subject, throwError } from 'rxjs';
import { DialGate } from '../../../lib/connection/dialing/dial-gate.js';
import { Dialer, type DialerOptions } from '../../../lib/connection/dialing/dialer.js';
import { connectResponseMessage, readConnect } from '../../../lib/connection/handshake.js';
import { linkedSockets } from '../../../lib/transport/memory-socket.js';
import type { DialOptions, Socket } from '../../../lib/transport/socket.js';
import { RejectedError } from '../../../lib/rejection.js';
import { defaultLimits, type Limits } from '../../../lib/limits.js';
import type { Checksum } from '../../../lib/wire/checksum.js';
import { encodeFrame } from '../../../lib/wire/encode.js';
import type { ConnectRequest, ConnectResponse } from '../../../lib/wire/payloads/connect.js';
import { timestampToMs } from '../../../lib/wire/msgpack/timestamp.js';
import { testChecksum } from '../../support/protocol/engines.js';
import { frameOf } from '../../support/protocol/frames.js';
import { pass, settle, TestConnection } from '../../support/protocol/links.js';
import { ManualRuntime } from '../../support/manual-runtime.js';

const id = new Uint8Array(16).fill(7);
const accepted: ConnectResponse = { id, accepted: true, rejectedReason: '' };
const url = 'ws://b/grid';

/** A dialer, and an acceptor that the test plays. */
class Scene {
  readonly runtime = new ManualRuntime();
  readonly a: TestConnection;
  readonly start = this.runtime.now();
  /** When attempts began, in ms after the start. */
  readonly attempts: number[] = [];
  readonly dials: { url: string; options: DialOptions }[] = [];
  readonly rejections: string[] = [];
  /** The acceptors' ends, oldest first; what came there, and how it ended. */
  readonly far: Socket[] = [];
  readonly connects: ConnectRequest[] = [];
  readonly ends: string[] = [];
  /** What the acceptor does when a Connect comes. */
  answer: (socket: Socket) => void = () => undefined;
  readonly dialer: Dialer;

  constructor(overrides: Partial<DialerOptions> = {}) {
    this.a = new TestConnection(this.runtime);
    this.dialer = new Dialer({
      connection: this.a.connection,
      url,
      dial: (to, options) => {
        this.dials.push({ url: to, options });
        return this.connect();
      },
      runtime: this.runtime,
      limits: this.a.limits,
      checksum: testChecksum,
      connect: { id, host: 'http://a', ext: { ack: 1 } },
      accepted: (socket) => {
        this.a.open(socket);
      },
      rejected: (reason) => {
        this.rejections.push(reason);
      },
      ...overrides,
      token: () => {
        this.attempts.push(this.runtime.now() - this.start);
        return overrides.token?.() ?? 'token';
      },
    });
  }

  connect(): Observable<Socket> {
    return new Observable((subscriber) => {
      const [near, far] = linkedSockets();
      this.far.push(far);
      far.inbound.subscribe({
        next: (message) => {
          if (this.a.connection.engine !== undefined) return;
          this.connects.push(readConnect(message, testChecksum));
          this.answer(far);
        },
        error: (error: unknown) => this.ends.push((error as Error).message),
        complete: () => this.ends.push('closed'),
      });
      subscriber.next(near);
      subscriber.complete();
    });
  }

  /** Stops everything, and checks that nothing is left. */
  async end(): Promise<void> {
    this.dialer.stop();
    this.a.connection.close();
    await settle(this.runtime);
    expect(this.runtime.scheduled).toBe(0);
  }
}

const accept = (socket: Socket): void => {
  socket.outbound.next(connectResponseMessage(accepted));
};
const reject = (socket: Socket): void => {
  socket.outbound.next(connectResponseMessage({ id, accepted: false, rejectedReason: 'not today' }));
};

describe('a dial', () => {
  it('opens the socket while the checksum is computed, and shakes hands when it is ready', async () => {
    let made: (checksum: Checksum) => void = () => undefined;
    const checksum = new Promise<Checksum>((resolve) => (made = resolve));
    const scene = new Scene({ checksum });
    scene.answer = accept;
    await settle(scene.runtime);
    expect([scene.far.length, scene.connects.length]).toStrictEqual([1, 0]);
    made(testChecksum);
    await settle(scene.runtime);
    expect([scene.connects.length, scene.a.statuses]).toStrictEqual([1, ['connecting', 'connected']]);
    await scene.end();
  });

  it('abandons the open socket when it is stopped before the checksum is ready, or ready too late', async () => {
    let made: (checksum: Checksum) => void = () => undefined;
    const checksum = new Promise<Checksum>((resolve) => (made = resolve));
    const scene = new Scene({ checksum });
    await settle(scene.runtime);
    await pass(scene.runtime, 5_000);
    expect([scene.far.length, scene.ends]).toStrictEqual([2, ['The handshake was cancelled.']]);
    scene.dialer.stop();
    expect(scene.ends).toHaveLength(2);
    made(testChecksum);
    await scene.end();
    expect(scene.connects).toStrictEqual([]);
  });

  it('sends headers and a Connect with one token, and links when it is accepted', async () => {
    const scene = new Scene();
    scene.answer = accept;
    await settle(scene.runtime);
    expect(scene.a.statuses).toStrictEqual(['connecting', 'connected']);
    expect(scene.dials).toStrictEqual([
      {
        url,
        options: {
          headers: { Authorization: 'Bearer token', 'X-Minio-Time': `${scene.runtime.wallNow()}000000` },
          maxMessageBytes: 16 << 20,
        },
      },
    ]);
    const { time, ...connect } = scene.connects[0]!;
    expect(timestampToMs(time)).toBe(scene.runtime.wallNow());
    expect(connect).toStrictEqual({ id, host: 'http://a', token: 'token', ext: { ack: 1 } });
    // Nothing is left of the attempt: only the keepalive, and the watch for a sleep of the machine.
    expect(scene.runtime.scheduled).toBe(2);
    await scene.end();
    expect(scene.ends).toStrictEqual(['closed']);
  });

  it('sends the Connect only once, and accepts the answer in the turn in which it arrives', async () => {
    const scene = new Scene();
    scene.answer = (socket) => {
      accept(socket);
      expect(scene.a.connection.state.status).toBe('connected');
    };
    await settle(scene.runtime);
    expect(scene.connects.length).toBe(1);
    await scene.end();
  });

  it.each<[string, Partial<DialerOptions>, RegExp]>([
    ['the dial fails', { dial: () => throwError(() => new Error('ECONNREFUSED')) }, /^ECONNREFUSED$/],
    // eslint-disable-next-line rxjs-x/throw-error -- a platform may.
    ['the dial fails with no error', { dial: () => throwError(() => 'odd') }, /^odd$/],
    [
      'the dial throws',
      {
        dial: () => {
          throw new Error('no network');
        },
      },
      /^no network$/,
    ],
    ['the token fails', { token: () => Promise.reject(new Error('no key')) }, /^The token could not be made: no key$/],
    [
      'the token throws',
      {
        token: () => {
          throw new Error('no key');
        },
      },
      /^The token could not be made: no key$/,
    ],
    [
      'the token is too long',
      { token: () => 'x'.repeat((16 << 10) + 1) },
      /^The token cannot be sent: .*limit is 16384/,
    ],
  ])('fails where %s, and the next one follows', async (what, overrides, text) => {
    const scene = new Scene(overrides);
    await settle(scene.runtime);
    // A host that cannot be reached right after the start is expected to start, too.
    const expected = what.startsWith('the dial') ? 'connecting' : 'back-off';
    expect(scene.a.statuses).toStrictEqual(['connecting', expected]);
    expect(scene.a.connection.state.error!.message).toMatch(text);
    // The second attempt comes after 50 to 100 ms, the third one 100 ms after it at the earliest.
    await pass(scene.runtime, 100);
    expect(scene.attempts.length).toBe(2);
    await scene.end();
  });

  it('fails where no socket opens within dialTimeout, and abandons the dial', async () => {
    let given = 0;
    const scene = new Scene({ dial: () => new Observable(() => () => given++) });
    await settle(scene.runtime);
    await pass(scene.runtime, 1_999, 1);
    expect(scene.a.statuses).toStrictEqual(['connecting']);
    await pass(scene.runtime, 1, 1);
    expect(scene.a.connection.state.error!.message).toBe(
      'An open connection to ws://b/grid did not come within 2000 ms.',
    );
    expect(given).toBe(1);
    await scene.end();
  });

  it('fails where the answer does not come within handshakeTimeout, and destroys the socket', async () => {
    const scene = new Scene();
    await settle(scene.runtime);
    await pass(scene.runtime, 4_999, 1);
    expect(scene.a.statuses).toStrictEqual(['connecting']);
    await pass(scene.runtime, 1, 1);
    expect(scene.a.connection.state.error!.message).toBe(
      'The answer of ws://b/grid to the handshake did not come within 5000 ms.',
    );
    expect(scene.ends).toStrictEqual(['The handshake was cancelled.']);
    expect(scene.attempts[1]).toBeGreaterThanOrEqual(5_000);
    await scene.end();
  });

  it('fails where the token does not come within handshakeTimeout', async () => {
    const scene = new Scene({ token: () => new Promise(() => undefined) });
    await pass(scene.runtime, 5_000);
    expect(scene.a.connection.state.error!.message).toBe('The token could not be made: it did not come within 5000 ms');
    await pass(scene.runtime, 5_000);
    expect(scene.attempts.length).toBe(2);
    await scene.end();
  });

  it('fails with the reason when it is rejected', async () => {
    const scene = new Scene();
    scene.answer = reject;
    await settle(scene.runtime);
    const { error } = scene.a.connection.state;
    expect(error!.cause).toBeInstanceOf(RejectedError);
    expect(error).toMatchObject({ code: 'rejected', message: 'ws://b/grid rejected the connection: not today' });
    expect(scene.rejections).toStrictEqual(['not today']);
    expect(scene.ends).toStrictEqual(['The handshake was cancelled.']);
    await scene.end();
  });

  it.each<[string, Uint8Array]>([
    ['bytes that are no frame', Uint8Array.of(1, 2, 3)],
    ['nothing', new Uint8Array()],
    ['another frame', encodeFrame(frameOf(4, 0))],
    ['garbage in the response', encodeFrame(frameOf(2, 0, { payload: 'garbage' }))],
    ['a response without its keys', encodeFrame(frameOf(2, 0, { payload: Uint8Array.of(0x80) }))],
    [
      'a map that lies about its length',
      encodeFrame(frameOf(2, 0, { payload: Uint8Array.of(0xdf, 255, 255, 255, 255) })),
    ],
  ])('fails where the answer is %s', async (_, message) => {
    const scene = new Scene();
    scene.answer = (socket) => {
      socket.outbound.next(message);
    };
    await settle(scene.runtime);
    expect(scene.a.statuses).toStrictEqual(['connecting', 'back-off']);
    expect(scene.a.connection.state.error!.message).toMatch(/^ws:\/\/b\/grid is no grid: /);
    expect(scene.ends).toStrictEqual(['The handshake was cancelled.']);
    await scene.end();
  });

  it.each<[string, (socket: Socket) => void, string]>([
    ['closes', (far) => far.outbound.complete(), 'ws://b/grid closed the connection during the handshake.'],
    [
      'breaks',
      (far) => far.outbound.error(new Error('code 1006')),
      'ws://b/grid closed the connection during the handshake: code 1006',
    ],
  ])('fails where the socket %s during the handshake', async (_, end, message) => {
    const scene = new Scene();
    scene.answer = end;
    await settle(scene.runtime);
    expect(scene.a.connection.state.error!.message).toBe(message);
    await scene.end();
  });
});

describe('the next dial', () => {
  it('starts 50, 100, 200 … ms after the previous one began, up to redialInterval, plus random jitter', async () => {
    const scene = new Scene({ dial: () => throwError(() => new Error('down')) });
    // The same numbers, since nothing else draws any.
    const random = new ManualRuntime();
    await pass(scene.runtime, 30_000, 1);
    expect(scene.attempts.length).toBeGreaterThan(15);
    let at = 0;
    for (const [index, attempt] of scene.attempts.slice(1).entries()) {
      const interval = [50, 100, 200, 400, 800][index] ?? 1_000;
      at += interval + random.random() * interval;
      expect(attempt).toBeGreaterThanOrEqual(at - 1);
      expect(attempt).toBeLessThanOrEqual(at + 1);
      at = attempt;
    }
    await scene.end();
  });

  it('follows at once where the previous one began long ago, and as states say', async () => {
    const scene = new Scene();
    scene.answer = accept;
    await pass(scene.runtime, 5_000);
    scene.far[0]!.outbound.error(new Error('cut'));
    expect(scene.a.statuses).toStrictEqual(['connecting', 'connected', 'connecting']);
    await settle(scene.runtime);
    await pass(scene.runtime, 0);
    scene.runtime.advance(0);
    await settle(scene.runtime);
    expect(scene.attempts).toStrictEqual([0, 5_000]);
    expect(scene.a.statuses).toStrictEqual(['connecting', 'connected', 'connecting', 'connected']);
    expect(scene.a.connection.state.connects).toBe(2);
    await scene.end();
  });

  it('keeps backing off where links are lost soon; a link that lives for redialInterval resets it', async () => {
    const scene = new Scene();
    const gaps = (): number[] => scene.attempts.slice(1).map((at, index) => at - scene.attempts[index]!);
    scene.answer = (far) => {
      accept(far);
      if (scene.attempts.length < 9) far.outbound.error(new Error('cut'));
    };
    await pass(scene.runtime, 20_000, 1);
    expect(scene.attempts.length).toBe(9);
    for (const [index, gap] of gaps().entries()) {
      const interval = [50, 100, 200, 400, 800][index] ?? 1_000;
      expect(gap).toBeGreaterThanOrEqual(interval);
      expect(gap).toBeLessThanOrEqual(2 * interval + 2);
    }
    // This one has lived long, and the host is now down: quick attempts again.
    scene.answer = (far) => {
      far.outbound.error(new Error('down'));
    };
    scene.far.at(-1)!.outbound.error(new Error('cut'));
    const before = scene.attempts.length;
    await pass(scene.runtime, 320, 1);
    expect(scene.attempts.length - before).toBeGreaterThanOrEqual(3);
    await scene.end();
  });

  it('waits its interval where the other side has rejected the last one', async () => {
    const scene = new Scene();
    scene.answer = reject;
    await pass(scene.runtime, 990, 1);
    expect(scene.attempts).toStrictEqual([0]);
    await pass(scene.runtime, 1_020, 1);
    expect(scene.attempts.length).toBe(2);
    await scene.end();
  });

  it('makes a new token each time', async () => {
    const tokens = ['one', 'two'];
    const scene = new Scene({ token: () => tokens.shift() ?? 'three' });
    scene.answer = (far) => {
      if (scene.connects.length < 3) reject(far);
      else accept(far);
    };
    await pass(scene.runtime, 4_000);
    expect(scene.connects.map(({ token }) => token)).toStrictEqual(['one', 'two', 'three']);
    expect(scene.a.statuses).toStrictEqual(['connecting', 'back-off', 'back-off', 'connected']);
    await scene.end();
  });
});

describe('concurrent dials', () => {
  /** Hosts that share an acceptor, which opens one socket in 5 ms, also for who has given up. */
  async function crowd(dialers: number, limits: Partial<Limits>, silent = 0) {
    const runtime = new ManualRuntime();
    let busyUntil = runtime.now();
    let given = 0;
    const dial = (): Observable<Socket> =>
      new Observable((subscriber) => {
        const [near, far] = linkedSockets();
        far.inbound.subscribe({ next: () => accept(far), error: () => undefined });
        busyUntil = Math.max(busyUntil, runtime.now()) + 5;
        let open = false;
        runtime.schedule(() => {
          if (subscriber.closed) return;
          open = true;
          subscriber.next(near);
        }, busyUntil - runtime.now());
        return () => {
          if (!open) given++;
        };
      });
    const scenes = Array.from({ length: dialers }, (_, index) => {
      const a = new TestConnection(runtime, 'http://b', limits);
      const dialer = new Dialer({
        connection: a.connection,
        url,
        dial: index < silent ? () => NEVER : dial,
        runtime,
        limits: a.limits,
        checksum: testChecksum,
        connect: { id, host: 'http://a', ext: { ack: 1 } },
        token: () => 'token',
        accepted: (socket) => {
          a.open(socket);
        },
        rejected: () => undefined,
      });
      return { a, dialer };
    });
    const linked = (): number => scenes.filter(({ a }) => a.connection.state.status === 'connected').length;
    return { runtime, scenes, linked, given: () => given };
  }

  it('wait for their turn, so that no prepared dial times out', async () => {
    const { runtime, linked, given } = await crowd(600, { maxDials: 20, connectionPingInterval: 60_000 });
    await pass(runtime, 4_000);
    expect(linked()).toBe(600);
    expect(given()).toBe(0);
  });

  it('proceed although more hosts are silent than may be dialed at once', async () => {
    const { runtime, linked } = await crowd(100, { maxDials: 20 }, 40);
    await pass(runtime, 2_000);
    expect(linked()).toBe(0);
    await pass(runtime, 1_000);
    expect(linked()).toBe(60);
  });

  it('create their token when they begin', async () => {
    const tokens: number[] = [];
    const runtime = new ManualRuntime();
    const leave = DialGate.of(runtime).acquire(1, 5_000, () => undefined);
    const a = new TestConnection(runtime, 'http://b', { maxDials: 1 });
    const start = runtime.now();
    const dialer = new Dialer({
      connection: a.connection,
      url,
      dial: () => NEVER,
      runtime,
      limits: a.limits,
      checksum: testChecksum,
      connect: { id, host: 'http://a', ext: { ack: 1 } },
      token: () => {
        tokens.push(runtime.now() - start);
        return 'token';
      },
      accepted: () => undefined,
      rejected: () => undefined,
    });
    await pass(runtime, 3_000);
    expect(a.statuses).toStrictEqual(['connecting']);
    leave();
    await settle(runtime);
    await pass(runtime, 1_999, 1);
    expect(tokens).toStrictEqual([3_000]);
    expect(a.statuses).toStrictEqual(['connecting']);
    await pass(runtime, 1, 1);
    expect(a.statuses).toStrictEqual(['connecting', 'back-off']);
    dialer.stop();
    a.connection.close();
    expect(runtime.scheduled).toBe(0);
  });
});

describe('stop()', () => {
  it('cancels the wait for a turn', async () => {
    const scene = new Scene({ limits: { ...defaultLimits, maxDials: 0 } });
    await scene.end();
    expect(scene.attempts).toStrictEqual([]);
  });

  it('may be called by the token provider, and lets the next one begin', async () => {
    const runtime = new ManualRuntime();
    const limits = { ...defaultLimits, maxDials: 1 };
    let tokens = 0;
    const scene: Scene = new Scene({
      runtime,
      limits,
      dial: () => throwError(() => new Error('down')),
      token: () => {
        if (++tokens === 2) scene.dialer.stop();
        return 'token';
      },
    });
    await settle(runtime);
    runtime.advance(2_000);
    expect(tokens).toBe(2);
    let begun = false;
    DialGate.of(runtime).acquire(1, 1_000, () => (begun = true))();
    expect(begun).toBe(true);
  });

  it('cancels while the token is created', async () => {
    const token = new Subject<string>();
    const scene = new Scene({
      token: () =>
        new Promise((resolve) => {
          token.subscribe(resolve);
        }),
    });
    scene.dialer.stop();
    token.next('late');
    await scene.end();
    expect(scene.dials).toStrictEqual([]);
    expect(scene.a.statuses).toStrictEqual(['connecting', 'closed']);
  });

  it('cancels while dialing', async () => {
    let given = 0;
    const scene = new Scene({ dial: () => new Observable(() => () => given++) });
    await settle(scene.runtime);
    await scene.end();
    expect(given).toBe(1);
  });

  it('cancels during the handshake', async () => {
    const scene = new Scene();
    await settle(scene.runtime);
    await scene.end();
    expect(scene.ends).toStrictEqual(['The handshake was cancelled.']);
  });

  it('cancels the wait for the next dial', async () => {
    const scene = new Scene({ dial: () => throwError(() => new Error('down')) });
    await settle(scene.runtime);
    await scene.end();
    await pass(scene.runtime, 5_000);
    expect(scene.attempts.length).toBe(1);
  });

  it('may be called by a state listener, at any change', async () => {
    for (const at of ['back-off', 'connected'] as const) {
      const scene = new Scene(at === 'back-off' ? { dial: () => NEVER } : {});
      scene.answer = accept;
      scene.a.connection.state$.subscribe(({ status }) => {
        if (status !== at) return;
        scene.dialer.stop();
        scene.a.connection.close();
      });
      await pass(scene.runtime, 3_000);
      expect(scene.a.connection.state.status).toBe('closed');
      await scene.end();
    }
  });
});
