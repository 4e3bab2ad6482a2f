import { describe, expect, it } from '@jest/globals';
import { errorInfo } from '../../lib/error-info.js';
import { firstValueFrom } from 'rxjs';
import { linkedSockets } from '../../lib/transport/memory-socket.js';
import { linkedPair, settle, TestConnection } from '../support/protocol/links.js';
import { ManualRuntime } from '../support/manual-runtime.js';

const broken = new Error('The cable was cut.');

function alone(): { runtime: ManualRuntime; a: TestConnection } {
  const runtime = new ManualRuntime();
  return { runtime, a: new TestConnection(runtime) };
}

describe('the states of a connection', () => {
  it('go from connecting to connected, back to connecting at a loss, and end closed', () => {
    const { runtime, a, sockets } = linkedPair();
    expect(a.states).toStrictEqual([
      { host: 'http://b', status: 'connecting', since: runtime.wallNow(), connects: 0 },
      { host: 'http://b', status: 'connected', since: runtime.wallNow(), connects: 1 },
    ]);
    runtime.advance(5);
    sockets[1].outbound.error(broken);
    expect(a.states.at(-1)).toStrictEqual({
      host: 'http://b',
      status: 'connecting',
      since: runtime.wallNow(),
      connects: 1,
      error: errorInfo(broken),
    });
    a.open(linkedSockets()[0]);
    expect(a.states.at(-1)).toStrictEqual({
      host: 'http://b',
      status: 'connected',
      since: runtime.wallNow(),
      connects: 2,
    });
    a.connection.close();
    a.connection.close();
    expect(a.statuses).toStrictEqual(['connecting', 'connected', 'connecting', 'connected', 'closed']);
  });

  it('go to back-off at the first failed attempt, and stay there until a link opens', () => {
    const { runtime, a } = alone();
    a.connection.attemptFailed(broken);
    const { since } = a.connection.state;
    runtime.advance(1_000);
    const second = new Error('Again.');
    a.connection.attemptFailed(second);
    expect(a.connection.state).toStrictEqual({
      host: 'http://b',
      status: 'back-off',
      since,
      connects: 0,
      error: errorInfo(second),
    });
    a.open(linkedSockets()[0]);
    expect(a.connection.state.status).toBe('connected');
    expect(a.connection.state.since).toBe(runtime.wallNow());
    a.connection.attemptFailed(broken);
    expect(a.connection.state.status).toBe('connected');
    a.connection.close();
    a.connection.attemptFailed(broken);
    a.open(linkedSockets()[0]);
    expect(a.connection.state.status).toBe('closed');
    expect(a.connection.engine).toBe(undefined);
  });

  it('replay to later subscribers, and complete at the close', async () => {
    const { a } = linkedPair();
    expect((await firstValueFrom(a.connection.state$)).status).toBe('connected');
    const received: string[] = [];
    a.connection.state$.subscribe({
      next: ({ status }) => received.push(status),
      complete: () => received.push('complete'),
    });
    a.connection.close();
    expect(received).toStrictEqual(['connected', 'closed', 'complete']);
  });

  it('do not report connected for a link that is lost before it was opened', () => {
    const { runtime, a } = alone();
    const [near, far] = linkedSockets();
    const link = a.link(near);
    const lost: unknown[] = [];
    a.connection.lost.subscribe((error) => lost.push(error));
    far.outbound.error(broken);
    a.connection.open(link);
    expect(a.statuses).toStrictEqual(['connecting', 'connecting']);
    expect(lost).toStrictEqual([broken]);
    expect(a.connection.engine).toBe(undefined);
    a.connection.close();
    expect(runtime.scheduled).toBe(0);
  });
});

describe('ready()', () => {
  it('resolves at once when connected, or later', async () => {
    const { a } = linkedPair();
    await expect(a.connection.ready()).resolves.toBeUndefined();
    const other = alone().a;
    other.connection.attemptFailed(broken);
    const ready = other.connection.ready();
    other.open(linkedSockets()[0]);
    await expect(ready).resolves.toBeUndefined();
  });

  it('rejects when closed, before or after', async () => {
    const { a } = alone();
    const ready = a.connection.ready();
    a.connection.close();
    await expect(ready).rejects.toMatchObject({ code: 'disconnected', sent: false, host: 'http://b' });
    await expect(a.connection.ready()).rejects.toMatchObject({ message: expect.stringContaining('closed for good') });
  });
});

describe('a call without a connection', () => {
  it('waits while connecting, and starts once', () => {
    const { runtime, a } = alone();
    const call = a.call();
    runtime.advance(30_000);
    expect(call.received).toStrictEqual([]);
    const [near, far] = linkedSockets();
    const b = new TestConnection(runtime, 'http://a');
    b.serveEcho();
    b.open(far);
    a.open(near);
    runtime.turn();
    expect(call.received).toStrictEqual(['x']);
    far.outbound.complete();
    a.open(linkedSockets()[0]);
    runtime.turn();
    expect(call.started).toBe(1);
  });

  it('fails in back-off, on a macrotask', () => {
    const { runtime, a } = alone();
    a.connection.attemptFailed(broken);
    const call = a.call();
    runtime.turn();
    expect(call.received).toStrictEqual([]);
    runtime.advance(0);
    expect(call.received).toStrictEqual(['disconnected']);
    expect(call.lost).toMatchObject({ sent: false, retryable: true, host: 'http://b', cause: broken });
    expect(call.lost.message).toBe(
      'There is no connection to http://b: The cable was cut. Nothing of the call was sent.',
    );
  });

  it('fails when the first attempt fails, on a macrotask; calls with an explicit wait keep waiting', () => {
    const { runtime, a } = alone();
    const [plain, patient, limited, never] = [
      a.call(),
      a.call({ wait: true }),
      a.call({ wait: 2_000 }),
      a.call({ wait: false }),
    ];
    a.connection.attemptFailed(broken);
    expect(plain.received).toStrictEqual([]);
    runtime.advance(0);
    expect(plain.received).toStrictEqual(['disconnected']);
    expect(never.received).toStrictEqual(['disconnected']);
    runtime.advance(1_999);
    expect(limited.received).toStrictEqual([]);
    runtime.advance(1);
    expect(limited.received).toStrictEqual(['disconnected']);
    expect(limited.lost.sent).toBe(false);
    a.open(linkedSockets()[0]);
    expect(patient.started).toBe(1);
  });

  it('may wait during back-off, too', () => {
    const { a } = alone();
    a.connection.attemptFailed(broken);
    const call = a.call({ wait: true });
    a.open(linkedSockets()[0]);
    expect(call.started).toBe(1);
  });

  it('fails at its deadline, naming the route and the host', () => {
    const { runtime, a } = alone();
    const call = a.call({ deadline: runtime.now() + 100 });
    runtime.advance(99);
    expect(call.received).toStrictEqual([]);
    runtime.advance(1);
    expect(call.received).toStrictEqual(['deadline-exceeded']);
    expect(call.error!.message).toBe('The deadline of the call passed while there was no connection to http://b.');
    expect(runtime.scheduled).toBe(0);
  });

  it('waits for a deadline beyond the limit of a timer', () => {
    const { runtime, a } = alone();
    const call = a.call({ deadline: runtime.now() + 40 * 86_400_000 });
    runtime.advance(60_000);
    expect(call.received).toStrictEqual([]);
  });

  it('is removed when it is taken back', () => {
    const { runtime, a } = alone();
    const call = a.call();
    call.takeBack();
    expect(runtime.scheduled).toBe(0);
    a.open(linkedSockets()[0]);
    expect(call.started).toBe(0);
    a.connection.close();
    const late = a.call();
    late.takeBack();
    runtime.advance(0);
    expect(late.received).toStrictEqual([]);
  });

  it('is removed when another call takes it back while starting', () => {
    const { a } = alone();
    a.call({}, () => {
      second.takeBack();
    });
    const second = a.call();
    const third = a.call();
    a.open(linkedSockets()[0]);
    expect(second.started).toBe(0);
    expect(third.started).toBe(1);
  });

  it('keeps waiting when the link ends while another one starts', () => {
    const { runtime, a } = alone();
    const [near, far] = linkedSockets();
    const first = a.call({}, () => {
      far.outbound.error(broken);
    });
    const [second, third] = [a.call(), a.call()];
    a.open(near);
    expect(first.received).toStrictEqual(['disconnected']);
    expect(second.started + third.started).toBe(0);
    third.takeBack();
    a.open(linkedSockets()[0]);
    expect(second.started).toBe(1);
    expect(third.started).toBe(0);
    expect(runtime.scheduled).toBeGreaterThan(0);
  });

  it('fails when the connection is closed', () => {
    const { runtime, a } = alone();
    const [waiting, patient] = [a.call(), a.call({ wait: true })];
    a.connection.close();
    const late = a.call({ wait: true });
    expect(waiting.received).toStrictEqual([]);
    runtime.advance(0);
    for (const call of [waiting, patient, late]) expect(call.lost.message).toMatch(/closed for good.*Nothing/);
    expect(runtime.scheduled).toBe(0);
  });
});

describe('a call on a lost connection', () => {
  it('fails at once, and reports whether it was sent', () => {
    const { runtime, a, b, sockets } = linkedPair();
    b.serveSilence();
    const call = a.call();
    runtime.turn();
    sockets[1].outbound.error(broken);
    expect(call.lost).toMatchObject({ sent: true, host: 'http://b', retryable: true, cause: broken });
    expect(call.lost.message).toBe(
      'There is no connection to http://b: The cable was cut. The call may have reached it.',
    );
  });

  it('counts as not sent while it was in the send queue', () => {
    const runtime = new ManualRuntime();
    const a = new TestConnection(runtime);
    const [near, far] = linkedSockets();
    a.open({ inbound: near.inbound, outbound: near.outbound, drained: near.drained, bufferedBytes: 1 << 20 });
    runtime.turn();
    const call = a.call();
    runtime.turn();
    far.outbound.error(broken);
    expect(call.lost.sent).toBe(false);
  });

  it('signals once when the connection is back', () => {
    const { runtime, a, b, sockets } = linkedPair();
    b.serveSilence();
    const call = a.call();
    runtime.turn();
    sockets[1].outbound.error(broken);
    const received: string[] = [];
    call.lost.reconnected.subscribe({ next: () => received.push('back'), complete: () => received.push('complete') });
    a.connection.attemptFailed(broken);
    expect(received).toStrictEqual([]);
    a.open(linkedSockets()[0]);
    a.open(linkedSockets()[0]);
    expect(received).toStrictEqual(['back', 'complete']);
  });

  it('shares one `reconnected` among all errors', () => {
    const { runtime, a, b, sockets } = linkedPair();
    b.serveSilence();
    const calls = [a.call(), a.call()];
    runtime.turn();
    sockets[1].outbound.error(broken);
    expect(calls[0]!.lost).not.toBe(calls[1]!.lost);
    expect(calls[0]!.lost.reconnected).toBe(calls[1]!.lost.reconnected);
  });

  it('completes `reconnected` when the connection is closed', () => {
    const { runtime, a, b, sockets } = linkedPair();
    b.serveSilence();
    const call = a.call();
    runtime.turn();
    sockets[1].outbound.error(broken);
    const received: string[] = [];
    call.lost.reconnected.subscribe({ next: () => received.push('back'), complete: () => received.push('complete') });
    a.connection.close();
    expect(received).toStrictEqual(['complete']);
  });

  it('sees the new state when it is repeated from its error', () => {
    const { runtime, a, b, sockets } = linkedPair();
    b.serveSilence();
    const statuses: string[] = [];
    const call = a.call();
    call.then = () => statuses.push(a.connection.state.status);
    runtime.turn();
    sockets[1].outbound.error(broken);
    expect(statuses).toStrictEqual(['connecting']);
  });
});

describe('a link that replaces another one', () => {
  it('fails calls in flight on the old one, and accepts new calls', () => {
    const { runtime, a, b, sockets } = linkedPair();
    b.serveSilence();
    const old = a.call();
    let repeated: ReturnType<TestConnection['call']> | undefined;
    old.then = () => (repeated = a.call());
    runtime.turn();
    const oldEnd: string[] = [];
    sockets[1].inbound.subscribe({ complete: () => oldEnd.push('closed') });
    const [near, far] = linkedSockets();
    b.serveEcho();
    b.link(far);
    const lost: unknown[] = [];
    a.connection.lost.subscribe((error) => lost.push(error));
    a.open(near);
    runtime.turn();
    expect(old.received).toStrictEqual(['disconnected']);
    expect(old.lost.sent).toBe(true);
    expect(oldEnd).toStrictEqual(['closed']);
    expect(repeated!.received).toStrictEqual(['x']);
    expect(lost).toStrictEqual([]);
    expect(a.connection.state.connects).toBe(2);
  });
});

describe('close()', () => {
  it('fails calls in flight, notifies the other end, completes frames$ and leaves no timer', async () => {
    const { runtime, a, b } = linkedPair();
    b.serveSilence();
    const call = a.call();
    runtime.turn();
    let completed = false;
    a.connection.frames$.subscribe({ complete: () => (completed = true) });
    a.connection.close();
    expect(call.lost.sent).toBe(true);
    expect(completed).toBe(true);
    expect(b.connection.state.status).toBe('connecting');
    b.connection.close();
    await settle(runtime);
    expect(runtime.scheduled).toBe(0);
  });

  it('takes full effect when called from a state listener', () => {
    const { runtime, a } = alone();
    a.connection.state$.subscribe(({ status }) => {
      if (status === 'connected') a.connection.close();
    });
    const call = a.call();
    a.open(linkedSockets()[0]);
    runtime.advance(0);
    expect(a.statuses.at(-1)).toBe('closed');
    expect(call.received).toStrictEqual(['disconnected']);
    expect(runtime.scheduled).toBe(0);
  });
});

it('a closed connection says so to late callers', async () => {
  const { a } = alone();
  a.connection.close();
  expect((await firstValueFrom(a.connection.state$)).status).toBe('closed');
});

it('a call that is dropped on a live connection says so', () => {
  const { a } = alone();
  a.open(linkedSockets()[0]);
  expect(a.connection.disconnected(true).message).toBe(
    'The call was dropped by http://b, or its connection was replaced; there is a connection now. The call may have reached it.',
  );
  a.connection.close();
});
