import { describe, expect, it } from '@jest/globals';
import { Observable, throwError } from 'rxjs';
import type { ConnectionState } from '../../../lib/connection/connection-state.js';
import { connectResponseMessage } from '../../../lib/connection/handshake.js';
import { LeafDialer, type LeafDialerOptions } from '../../../lib/connection/dialing/leaf-dialer.js';
import type { Signal, Surroundings } from '../../../lib/connection/dialing/surroundings.js';
import { linkedSockets } from '../../../lib/transport/memory-socket.js';
import type { Socket } from '../../../lib/transport/socket.js';
import type { Extensions } from '../../../lib/wire/payloads/connect.js';
import { testChecksum } from '../../support/protocol/engines.js';
import { pass, settle, TestConnection } from '../../support/protocol/links.js';
import { ManualRuntime } from '../../support/manual-runtime.js';

const id = new Uint8Array(16).fill(7);

class Page implements Surroundings {
  online = true;
  hidden = false;
  readonly listeners = new Set<(signal: Signal) => void>();

  listen(listener: (signal: Signal) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  say(signal: Signal): void {
    if (signal === 'online' || signal === 'offline') this.online = signal === 'online';
    if (signal === 'visible' || signal === 'hidden') this.hidden = signal === 'hidden';
    for (const listener of this.listeners) listener(signal);
  }
}

/** A dialer of a leaf, its page, and hosts that the test plays. */
class Scene {
  readonly runtime = new ManualRuntime();
  readonly page = new Page();
  readonly a = new TestConnection(this.runtime);
  readonly start = this.runtime.now();
  /** Attempts so far: when, in ms after the start, and where. */
  readonly attempts: [number, string][] = [];
  readonly states: ConnectionState[] = [];
  readonly up = new Set<string>();
  /** What a host answers that rejects. */
  rejection: Extensions | undefined = undefined;
  far: Socket | undefined = undefined;
  readonly dialer: LeafDialer;

  constructor(urls: readonly string[] = ['ws://a'], overrides: Partial<LeafDialerOptions> = {}) {
    this.a.connection.state$.subscribe((state) => this.states.push(state));
    this.dialer = new LeafDialer({
      connection: this.a.connection,
      urls,
      dial: (url) => (this.up.has(url) ? this.connect() : throwError(() => new Error('ECONNREFUSED'))),
      runtime: this.runtime,
      limits: this.a.limits,
      surroundings: this.page,
      checksum: () => testChecksum,
      connect: () => ({ id, host: '', leaf: true }),
      token: (url) => {
        this.attempts.push([this.runtime.now() - this.start, url]);
        return 'token';
      },
      renews: true,
      accepted: (_, socket) => {
        this.a.open(socket);
      },
      rejected: () => undefined,
      ...overrides,
    });
  }

  get state(): ConnectionState {
    return this.states.at(-1)!;
  }

  /** Times of the attempts since the last call. */
  times(): number[] {
    return this.attempts.splice(0).map(([time]) => time);
  }

  connect(): Observable<Socket> {
    return new Observable((subscriber) => {
      const [near, far] = linkedSockets();
      this.far = far;
      far.inbound.subscribe({
        next: () => {
          if (this.a.connection.engine !== undefined) return;
          const accepted = this.rejection === undefined;
          far.outbound.next(
            connectResponseMessage({
              id,
              accepted,
              rejectedReason: accepted ? '' : 'not you',
              ...(accepted ? {} : { ext: this.rejection! }),
            }),
          );
        },
        error: () => undefined,
      });
      subscriber.next(near);
      subscriber.complete();
    });
  }

  async connected(): Promise<void> {
    for (const url of ['ws://a', 'ws://b', 'ws://c']) this.up.add(url);
    await settle(this.runtime);
    expect(this.state.status).toBe('connected');
    await pass(this.runtime, 5_000);
    this.times();
  }

  async end(): Promise<void> {
    this.dialer.stop();
    this.a.connection.close();
    await settle(this.runtime);
    expect([this.runtime.scheduled, this.page.listeners.size]).toStrictEqual([0, 0]);
  }
}

describe('a leaf that cannot connect', () => {
  it('retries after delays that double up to the maximum, each shortened at random by up to a half', async () => {
    const scene = new Scene();
    await pass(scene.runtime, 200_000, 100);
    const times = scene.times();
    const gaps = times.slice(1).map((time, index) => time - times[index]!);
    gaps.forEach((gap, index) => {
      const base = Math.min(30_000, 100 * 2 ** index);
      // Virtual time passes in steps.
      expect(gap).toBeGreaterThanOrEqual(base / 2);
      expect(gap).toBeLessThanOrEqual(base + 100);
    });
    expect(gaps.length).toBeGreaterThan(12);
    await scene.end();
  });

  it('reports when the next attempt begins, and that one is under way', async () => {
    const scene = new Scene();
    await pass(scene.runtime, 3_000, 10);
    const { nextAttempt, status } = scene.state;
    expect(status).toBe('back-off');
    const left = nextAttempt! - scene.runtime.wallNow();
    expect(left).toBeGreaterThan(0);
    scene.times();
    await pass(scene.runtime, left + 10, 10);
    expect(scene.times()).toHaveLength(1);
    // The one that began had no next one.
    expect(scene.states.at(-2)!.nextAttempt).toBeUndefined();
    await scene.end();
  });

  it('tries every host of a round without delay, in order', async () => {
    const scene = new Scene(['ws://a', 'ws://b', 'ws://c']);
    await settle(scene.runtime);
    scene.runtime.advance(0);
    await settle(scene.runtime);
    scene.runtime.advance(0);
    await settle(scene.runtime);
    expect(scene.attempts).toStrictEqual([
      [0, 'ws://a'],
      [0, 'ws://b'],
      [0, 'ws://c'],
    ]);
    await scene.end();
  });

  it('moves on to the next host when it has lost one', async () => {
    const scene = new Scene(['ws://a', 'ws://b']);
    await scene.connected();
    scene.far!.outbound.error(new Error('cut'));
    await pass(scene.runtime, 600, 10);
    expect(scene.attempts.map(([, url]) => url)).toStrictEqual(['ws://b']);
    expect(scene.state.status).toBe('connected');
    await scene.end();
  });
});

describe('a web page', () => {
  it('retries rarely while offline, and at once when it is online', async () => {
    const scene = new Scene();
    await pass(scene.runtime, 1_000, 10);
    scene.page.say('offline');
    expect(scene.state).toMatchObject({ status: 'back-off', waitsFor: 'online' });
    scene.times();
    await pass(scene.runtime, 60_000, 100);
    expect(scene.times().length).toBeLessThanOrEqual(4);
    const before = scene.runtime.now() - scene.start;
    scene.page.say('online');
    await settle(scene.runtime);
    expect(scene.times()).toStrictEqual([before]);
    expect(scene.state.waitsFor).toBeUndefined();
    await scene.end();
  });

  it('retries rarely while hidden, and at once when it is shown', async () => {
    const scene = new Scene();
    scene.page.hidden = true;
    await pass(scene.runtime, 9_000, 100);
    expect(scene.times()).toHaveLength(1);
    expect(scene.state.waitsFor).toBe('visible');
    scene.page.say('visible');
    await settle(scene.runtime);
    expect(scene.times()).toStrictEqual([9_000]);
    await scene.end();
  });

  it('retries at most once a second, however often it is shown', async () => {
    const scene = new Scene();
    await pass(scene.runtime, 20_000, 100);
    scene.times();
    for (let round = 0; round < 100; round++) {
      scene.page.say('hidden');
      scene.page.say('visible');
      await pass(scene.runtime, 20, 20);
    }
    expect(scene.times().length).toBeLessThanOrEqual(3);
    await scene.end();
  });

  it('retries at once after being frozen or asleep, instead of waiting for its old back-off', async () => {
    const scene = new Scene();
    await pass(scene.runtime, 60_000, 100);
    scene.times();
    const now = scene.runtime.now() - scene.start;
    scene.page.say('awake');
    await settle(scene.runtime);
    expect(scene.times()).toStrictEqual([now]);
    // A sleep of the machine that only the clocks show.
    await pass(scene.runtime, 20_000, 100);
    scene.times();
    scene.runtime.wallOffset += 3_600_000;
    await pass(scene.runtime, 1_000, 100);
    expect(scene.times().length).toBeGreaterThanOrEqual(1);
    await scene.end();
  });

  it('notices within two seconds that the host does not answer, after being frozen while connected', async () => {
    const scene = new Scene();
    await scene.connected();
    // The far end is silent: it plays no engine.
    scene.page.say('awake');
    await pass(scene.runtime, 1_900, 100);
    expect(scene.state.status).toBe('connected');
    await pass(scene.runtime, 200, 100);
    expect(scene.states.some(({ status, connects }) => status === 'connecting' && connects === 1)).toBe(true);
    await scene.end();
  });
});

describe('a refusal', () => {
  it.each([
    [{ auth: 1 }, 'unauthenticated'],
    [{ deny: 1 }, 'permission-denied'],
  ])('of %j ends in the state refused, until reconnect()', async (rejection, code) => {
    const scene = new Scene(['ws://a', 'ws://b']);
    scene.rejection = rejection;
    scene.up.add('ws://a').add('ws://b');
    await pass(scene.runtime, 120_000, 1_000);
    expect(scene.times()).toStrictEqual([0]);
    expect(scene.state).toMatchObject({ status: 'refused', error: { code } });
    expect(scene.state.nextAttempt).toBeUndefined();
    for (const signal of ['online', 'visible', 'awake'] as const) scene.page.say(signal);
    await pass(scene.runtime, 5_000, 100);
    expect(scene.times()).toStrictEqual([]);
    scene.rejection = undefined;
    scene.dialer.reconnect();
    await settle(scene.runtime);
    expect(scene.state.status).toBe('connected');
    await scene.end();
  });

  it('for another reason, such as a full host, is not final: the leaf retries', async () => {
    const scene = new Scene();
    scene.rejection = {};
    scene.up.add('ws://a');
    await pass(scene.runtime, 1_000, 10);
    expect(scene.state).toMatchObject({ status: 'back-off', error: { code: 'rejected' } });
    expect(scene.times().length).toBeGreaterThan(2);
    await scene.end();
  });

  it.each([
    [true, 'connected'],
    [false, 'refused'],
  ])('of an expired token: with another one (%s) the leaf is %s', async (renews, status) => {
    const scene = new Scene(['ws://a'], { renews });
    await scene.connected();
    scene.far!.close!('unauthenticated', 'the token has expired');
    await pass(scene.runtime, 600, 10);
    expect(scene.state.status).toBe(status);
    const failed = scene.states.find(({ error }) => error !== undefined)!;
    expect(failed.error).toMatchObject({ name: 'ClosedError', code: 'unauthenticated' });
    await scene.end();
  });
});

it('a leaf that the host has closed as idle reconnects for its next call', async () => {
  const scene = new Scene();
  await scene.connected();
  scene.far!.close!('idle', 'no call for 60 000 ms');
  await pass(scene.runtime, 300_000, 1_000);
  expect(scene.times()).toStrictEqual([]);
  expect(scene.state).toMatchObject({ status: 'connecting', waitsFor: 'call' });
  let started = false;
  scene.a.connection.withEngine({
    ...{ route: 'put', bytes: 0, deadline: Infinity, wait: undefined },
    start: () => (started = true),
    fail: () => undefined,
  });
  await settle(scene.runtime);
  expect([started, scene.state.status]).toStrictEqual([true, 'connected']);
  await scene.end();
});

it('an attempt whose checksum does not load fails, and the next one loads it', async () => {
  let loads = 0;
  const scene = new Scene(['ws://a'], {
    checksum: async () => (++loads < 3 ? Promise.reject(new Error('no such file')) : Promise.resolve(testChecksum)),
  });
  scene.up.add('ws://a');
  await pass(scene.runtime, 2_000, 10);
  expect([loads, scene.state.status]).toStrictEqual([3, 'connected']);
  await scene.end();
});
