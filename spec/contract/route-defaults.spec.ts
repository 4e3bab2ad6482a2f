import { describe, expect, it } from '@jest/globals';
import { NEVER } from 'rxjs';
import { duplex, type, unary } from '../../lib/index.js';
import { pair as unlinkedPair, PairOfEachTest, record } from '../support/linked-managers.js';

const short = unary({ id: 1, name: 'short', response: type<string>(), timeout: 100 });
const feed = duplex({ id: 2, name: 'feed', output: type<string>(), timeout: 100 });
const patient = unary({ id: 3, name: 'patient', response: type<string>(), waitForConnect: 400 });
const hasty = unary({ id: 4, name: 'hasty', response: type<string>(), waitForConnect: false });

const pair = new PairOfEachTest();
const late = { code: 'deadline-exceeded' };
const down = { code: 'disconnected', sent: false };

describe('the timeout of a contract', () => {
  const link = (): Promise<void> =>
    pair.link(({ b }) => {
      b.handle(short, () => NEVER);
      b.handle(feed, () => NEVER);
    });

  it('applies to calls without one, of either kind', async () => {
    await link();
    const { log: request } = record(pair.ab.request(short));
    const { log: stream } = record(pair.ab.stream(feed));
    await pair.grid.advance(99, 1);
    expect([request, stream]).toStrictEqual([[], []]);
    await pair.grid.advance(2, 1);
    expect([request, stream]).toMatchObject([[late], [late]]);
  });

  it('is overridden by the timeout, and by the deadline, of a call', async () => {
    await link();
    const deadline = new Date(pair.grid.time.wallNow() + 300);
    const calls = [
      record(pair.ab.request(short, undefined, { timeout: 300 })),
      record(pair.ab.request(short, undefined, { deadline })),
    ];
    await pair.grid.advance(290, 10);
    expect(calls.map(({ log }) => log)).toStrictEqual([[], []]);
    await pair.grid.advance(20, 1);
    expect(calls.map(({ log }) => log)).toMatchObject([[late], [late]]);
  });
});

describe('waitForConnect of a contract', () => {
  it('applies to calls without one: they wait that long, or not at all', async () => {
    const { grid, a } = unlinkedPair();
    grid.reachable = false;
    await a.start();
    // Beyond the quick attempts of the start, when calls fail at once.
    await grid.advance(5_000, 50);
    const ab = a.connection('http://b:1');
    const { log: waiting } = record(ab.request(patient));
    const { log: failing } = record(ab.request(hasty));
    const { log: plain } = record(ab.request(short));
    const { log: impatient } = record(ab.request(patient, undefined, { waitForConnect: false }));
    await grid.advance(1, 1);
    expect([failing, plain, impatient]).toMatchObject([[down], [down], [down]]);
    await grid.advance(395, 5);
    expect(waiting).toStrictEqual([]);
    await grid.advance(10, 1);
    expect(waiting).toMatchObject([down]);
    await grid.close();
  });

  it('lets a call be sent when there is a connection in time', async () => {
    const { grid, a, b } = unlinkedPair();
    b.handle(patient, () => 'here');
    grid.reachable = false;
    await Promise.all([a.start(), b.start()]);
    await grid.advance(5_000, 50);
    const { log } = record(a.connection('http://b:1').request(patient, undefined, { waitForConnect: 10_000 }));
    grid.reachable = true;
    await grid.advance(5_000, 50);
    expect(log).toStrictEqual(['here', 'done']);
    await grid.close();
  });
});

describe('invalid defaults', () => {
  it.each<[string, object]>([
    ['timeout must be a number of ms above 0', { timeout: 0 }],
    ['timeout must be a number of ms above 0', { timeout: '5' }],
    ['waitForConnect must be true or false', { waitForConnect: -1 }],
    ['retry must be an object', { retry: 3 }],
    ['attempts must be a whole number', { retry: { attempts: 0 } }],
    ['Did you mean timeout?', { tiemout: 5 }],
  ])('are refused: %s', (text, defaults) => {
    expect(() => unary({ id: 1, name: 'x', idempotent: true, ...defaults })).toThrow(text);
  });
});
