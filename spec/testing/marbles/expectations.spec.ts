import { describe, expect, it } from '@jest/globals';
import { EMPTY, map, mergeMap, NEVER, of, throwError } from 'rxjs';
import { TestScheduler, type RunHelpers } from 'rxjs/testing';
import { duplex, RemoteError, type, unary } from '../../../lib/index.js';
import {
  anError,
  equal,
  frames,
  GridAssertionError,
  gridTest,
  type GridTestContext,
  inspect,
  like,
} from '../../../lib/testing/index.js';
import { draw, lengthOf, parseMarbles, timeOf } from '../../../lib/testing/marbles/marbles.js';

const echo = unary({ id: 9, name: 'echo', request: type<{ disk: number }>(), response: type<{ disk: number }>() });
const named = duplex({ name: 'named', request: type<number>(), output: type<string>() });

/** The message of a test that must fail. */
async function failure(body: (context: GridTestContext) => void | Promise<void>): Promise<string> {
  const error: unknown = await gridTest(body).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(GridAssertionError);
  return (error as Error).message;
}

/** The line of the test, at the end of a failure. */
const place = /\n\nExpected at expectations\.spec\.ts:\d+:\d+$/;

describe('expectObservable', () => {
  it('reads diagrams as TestScheduler does', async () => {
    const shared = ({ hot, cold, expectObservable, expectSubscriptions }: RunHelpers): void => {
      const source = hot('-a-^-b--c-|', { a: 1, b: 2, c: 3 });
      expectObservable(source.pipe(map((each: number) => each * 10))).toBe('--x--y-|', { x: 20, y: 30 });
      expectSubscriptions(source.subscriptions).toBe('^------!');
      expectObservable(cold(' a 3ms (bc) 2s #', undefined, new Error('x')), '-^ 1s !').toBe('-a 3ms (bc)');
      expectObservable(cold('--#', undefined, new Error('x'))).toBe('--#', undefined, new Error('x'));
      expectObservable<unknown>(cold('a|')).toEqual(of('a').pipe(mergeMap(() => cold('a|'))));
      expectObservable(EMPTY).toBe('|');
      expectObservable(NEVER).toBe('-');
    };
    await gridTest((context) => {
      shared(context as unknown as RunHelpers);
    });
    new TestScheduler((actual, expected) => {
      expect(actual).toStrictEqual(expected);
    }).run(shared);
  });

  it('starts a diagram when it is passed in', () =>
    gridTest(async ({ hot, expectObservable, advance, flush }) => {
      await advance(17);
      const source = hot('--a-b|');
      expectObservable(source).toBe('--a-b|');
      await flush();
      expectObservable(of('x')).toBe('(x|)');
    }));

  it('shows a failure as a difference and as diagrams', async () => {
    const message = await failure(({ cold, expectObservable }) => {
      expectObservable(cold('a--b|', { a: { n: 1 }, b: { n: 2 } })).toBe('a-b|', { a: { n: 1 }, b: { n: 2 } });
    });
    expect(message).toMatch(place);
    expect(message.replace(place, '')).toBe(
      [
        'expectObservable: something else happened (- expected, + found).',
        '',
        '       0 ms  next { n: 1 }',
        '-      2 ms  next { n: 2 }',
        '-      3 ms  complete',
        '+      3 ms  next { n: 2 }',
        '+      4 ms  complete',
        '',
        'expected  a-b|',
        'found     a--b|',
      ].join('\n'),
    );
  });

  it('says of what is still open that it has not ended, where an end is expected', async () => {
    const open = 'It had neither completed nor failed when the test ended.';
    const failureOf = (source: string, expected: string): Promise<string> =>
      failure(({ cold, expectObservable }) => {
        expectObservable(cold(source)).toBe(expected);
      });
    expect(await failureOf('a---', 'a--#')).toContain(`found     a\n${open}`);
    expect(await failureOf('a---|', 'a--#')).not.toContain(open);
    expect(await failureOf('a---', 'b---')).not.toContain(open);
  });

  it('detects emissions after the diagram, and differing errors and subscriptions', async () => {
    expect(
      await failure(({ cold, expectObservable }) => {
        expectObservable(cold('a---b')).toBe('a');
      }),
    ).toContain('+      4 ms  next "b"');
    expect(
      await failure(({ expectObservable }) => {
        expectObservable(throwError(() => new TypeError('x'))).toBe('#', undefined, new RangeError('x'));
      }),
    ).toContain('error TypeError: x');
    const message = await failure(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('a|');
      expectObservable(source).toBe('a|');
      expectSubscriptions(source.subscriptions).toBe('^-!');
    });
    expect(message).toContain('+ subscribed at 0 ms, unsubscribed at 1 ms');
  });

  it('is complete only with toBe', async () => {
    await expect(
      gridTest(({ expectObservable }) => {
        expectObservable(EMPTY);
      }),
    ).rejects.toThrow('call toBe()');
  });

  it('accepts matchers of any framework', () =>
    gridTest(({ cold, expectObservable }) => {
      expectObservable(cold('a#', { a: { x: 1, y: [2] } }, new RemoteError('boom'))).toBe(
        'a#',
        { a: expect.objectContaining({ x: 1 }) },
        anError(RemoteError, { message: 'boom', code: 'remote' }),
      );
      expectObservable(cold('a', { a: { x: 1, y: [2] } })).toBe('a', { a: like({ y: [2] }) });
    }));
});

describe('expectFrames', () => {
  it('shows the frames on the wire', async () => {
    const message = await failure(({ link, expectFrames }) => {
      const wire = link({ latency: 2 });
      wire.b.handle(echo, (disk) => disk);
      expectFrames(wire).toBe('r-p', { r: frames.request(echo, { disk: 1 }), p: frames.response(echo, { disk: 2 }) });
      wire.a.request(echo, { disk: 1 }).subscribe();
    });
    expect(message).toMatch(place);
    expect(message.replace(place, '')).toBe(
      [
        'expectFrames(a ⇄ b): something else happened (- expected, + found).',
        '',
        '       0 ms  a → b  Request 1 echo { disk: 1 } Eof 60000 ms',
        '-      2 ms  p = frames.response(echo, { disk: 2 })',
        '+      2 ms  b → a  Response 1 echo { disk: 1 } Eof',
        '',
        'expected  r-p',
        'found     r-?',
        '',
        'Transcript:',
        '     0 ms  a ⇄ b  opened by a',
        '     0 ms  a → b  Ping 10000 ms',
        '     0 ms  a → b  Request 1 echo { disk: 1 } Eof 60000 ms',
        '     0 ms  b → a  Ping 10000 ms',
        '     2 ms  b → a  Pong 10000 ms',
        '     2 ms  b → a  Response 1 echo { disk: 1 } Eof',
        '     2 ms  a → b  Pong 10000 ms',
      ].join('\n'),
    );
  });

  it('knows routes by name and subroute, and shows the fate of a message', async () => {
    const message = await failure(async ({ link, expectFrames, advance, faults }) => {
      const wire = link();
      wire.b.handle(named, function* (count) {
        yield `${count}`;
      });
      await advance(10);
      faults.drop(wire, { from: 'b' });
      expectFrames(wire).toBe('oi', {
        o: frames.open(named, 5).from('b'),
        i: frames.output(named, '5').with({ seq: 1 }),
      });
      wire.a.stream(named, 5).subscribe({ error: () => undefined });
    });
    expect(message).toContain('-      0 ms  o = frames.open(named, 5).from("b")');
    expect(message).toContain('a → b  ConnectMux 1 named 5 Eof');
    expect(message).toContain('b → a  MuxServerMsg 1 #1 named "5"  [dropped]');
  });

  it.each([
    ['another value', frames.request(echo, { disk: 2 })],
    ['another end', frames.request(echo).from('b')],
    ['another op', frames.anyFrame('Response')],
    ['another sequence number', frames.request(echo).with({ seq: 1 })],
    ['another mux', frames.request(echo).with({ muxId: 2 })],
    ['another deadline', frames.request(echo).with({ deadlineMs: 1 })],
    ['a flag that is not set', frames.request(echo).with({ flags: ['PayloadIsErr'] })],
    ['another route', frames.request(unary({ id: 10, name: 'other', request: type<{ disk: number }>() }))],
  ])('distinguishes %s', async (_, matcher) => {
    const message = await failure(({ link, expectFrames }) => {
      const wire = link();
      expectFrames(wire, { from: 'a' }).toBe('r', { r: matcher });
      wire.a.request(echo, { disk: 1 }).subscribe({ error: () => undefined });
    });
    expect(message).toContain(`r = ${matcher.toString()}`);
  });

  it.each([
    ['a response that is an error', frames.response(), 'fail'],
    ['a frame at another time', frames.responseError().with({ seq: 0 }), 'late'],
  ])('distinguishes %s', async (_, matcher, how) => {
    const message = await failure(({ link, expectFrames }) => {
      const wire = link();
      wire.b.handle(echo, () => throwError(() => new Error('x')));
      expectFrames(wire, { from: 'b' }).toBe(how === 'late' ? '--p' : '-p', { p: matcher });
      wire.a.request(echo, { disk: 1 }).subscribe({ error: () => undefined });
    });
    expect(message).toContain(`p = ${matcher.toString()}`);
    expect(message).toContain('+      1 ms  b → a  Response 1 echo "x" Eof PayloadIsErr');
  });

  it('distinguishes two muxes with one id, and knows routes registered before the hash was loaded', () =>
    gridTest(async ({ link, advance, transcript }) => {
      const wire = link();
      wire.a.handle(named, () => ['x']);
      wire.b.handle(echo, (disk) => disk);
      wire.a.request(echo, { disk: 1 }).subscribe();
      wire.b.stream(named, 5).subscribe();
      await advance(10);
      expect(transcript()).toContain('a → b  MuxServerMsg 1 #1 named "x"');
      expect(transcript()).toContain('b → a  Response 1 echo { disk: 1 } Eof');
      expect(transcript()).toContain('b → a  ConnectMux 1 named 5 Eof');
    }));

  it.each([['auto'], ['off']] as const)('checks whether frames have checksums: %s', async (checksum) => {
    const run = gridTest(async ({ link, advance, expectFrames }) => {
      const wire = link({ checksum });
      wire.b.handle(echo, (disk) => disk);
      // Past the pings: a message of several frames has one checksum for all of them.
      await advance(10);
      expectFrames(wire, { from: 'a' }).toBe('r', { r: frames.request(echo).with({ flags: ['Crc'] }) });
      wire.a.request(echo, { disk: 1 }).subscribe();
    });
    if (checksum === 'auto') await run;
    else await expect(run).rejects.toThrow(GridAssertionError);
  });

  it('reports a log that is too short', async () => {
    await expect(
      gridTest(({ link, expectFrames }) => {
        const wire = link({ history: 3 });
        wire.b.handle(echo, (disk) => disk);
        expectFrames(wire).toBe('r', { r: frames.request() });
        for (let disk = 0; disk < 10; disk++) {
          setTimeout(() => wire.a.request(echo, { disk }).subscribe(), 5 * disk);
        }
      }),
    ).rejects.toThrow('The log of a ⇄ b no longer holds what is expected. Raise history.');
  });

  it('refuses what is no wire and no matcher', () =>
    gridTest(({ link, cluster, expectFrames }) => {
      const wire = link();
      const text = "the wire must be a link, or a cable such as grid.cable('a', 'b')";
      expect(() => expectFrames(wire.a as never)).toThrow(text);
      expect(() => expectFrames(cluster({ hosts: ['a', 'b'] }) as never)).toThrow(text);
      const expectation = expectFrames(wire);
      expect(() => {
        expectation.toBe('r', { r: 'request' as never });
      }).toThrow('the matcher r must be a matcher of frames, such as frames.request(route)');
      expectation.toBe('');
    }));

  it('requires a matcher for each letter', async () => {
    await expect(
      gridTest(({ link, expectFrames }) => {
        expectFrames(link()).toBe('rx', { r: frames.request() });
      }),
    ).rejects.toThrow('"rx" has the letter x without a matcher. There are: r.');
  });
});

describe('a marble test that does not end', () => {
  it('says so, with a transcript', async () => {
    await expect(
      gridTest(
        async ({ link }) => {
          link();
          await new Promise(() => undefined);
        },
        { maxTime: 60_000 },
      ),
    ).rejects.toThrow(
      /Still not done after 60000 ms of virtual time\.[^]*Calls: none\n[^]*Transcript:\n[^]*b → a {2}Pong/,
    );
  });
});

describe('diagrams', () => {
  it('are parsed and drawn', () => {
    expect(lengthOf('a--')).toBe(3);
    expect(lengthOf('a 2s ')).toBe(2_001);
    expect([timeOf('5s'), timeOf('1.5s'), timeOf('300ms'), timeOf('2m'), timeOf('---|'), timeOf(7)]).toStrictEqual([
      5_000, 1_500, 300, 120_000, 3, 7,
    ]);
    expect(() => timeOf('---')).toThrow('"---" is no time');
    for (const marbles of ['a-b|', '(ab)-c', '--a 20ms (bc|)', 'a 1000ms b']) {
      const marks = parseMarbles(marbles).map(({ frame, notification }) => ({
        frame,
        mark: notification.kind === 'N' ? String(notification.value) : '|',
      }));
      expect(draw(marks)).toBe(marbles);
    }
    // b comes while the group is still being drawn.
    expect(
      draw([
        { frame: 0, mark: 'a' },
        { frame: 0, mark: 'a' },
        { frame: 1, mark: 'b' },
      ]),
    ).toBe(undefined);
  });

  it('reject marks without a meaning', () =>
    gridTest(({ cold, hot }) => {
      expect(() => cold('-^-')).toThrow('cold');
      expect(() => hot('-!-')).toThrow('!');
    }));
});

describe('equality', () => {
  const circle: Record<string, unknown> = { a: 1 };
  circle.self = circle;

  it.each<[unknown, unknown]>([
    [1, 1],
    [NaN, NaN],
    [{ a: 1, b: undefined }, { a: 1 }],
    [
      [1, [2]],
      [1, [2]],
    ],
    [new Map([['a', { x: 1 }]]), new Map([['a', { x: 1 }]])],
    [new Set([1, 2]), new Set([1, 2])],
    [Uint8Array.of(1, 2), Uint8Array.of(1, 2)],
    [new Date(5), new Date(5)],
    [new RangeError('x'), new RangeError('x')],
    [circle, circle],
    [Object.create(null), {}],
  ])('%p equals %p', (left, right) => {
    expect(equal(left, right)).toBe(true);
  });

  it.each<[unknown, unknown]>([
    [1, '1'],
    [0, -0],
    [null, undefined],
    [{ a: 1 }, { a: 2 }],
    [[1], [1, 2]],
    [[1, undefined], [1]],
    [new Map([['a', 1]]), new Map([['a', 2]])],
    [new Set([1]), new Set([2])],
    [Uint8Array.of(1), Uint8Array.of(2)],
    [Uint8Array.of(1), Uint8Array.of(1, 2)],
    [Uint8Array.of(1), [1]],
    [new Date(5), new Date(6)],
    [new RangeError('x'), new TypeError('x')],
    [new RangeError('x'), new RangeError('y')],
    [new Date(5), {}],
    [[], {}],
  ])('%p does not equal %p', (left, right) => {
    expect(equal(left, right)).toBe(false);
    expect(equal(right, left)).toBe(false);
  });

  it('shows values in one line', () => {
    expect(
      inspect({
        a: 'x',
        'b c': [1, 2n, null, -0],
        d: Uint8Array.of(1, 255),
        e: new Map([[1, new Set([2])]]),
        f: new Date(0),
        g: circle,
      }),
    ).toBe(
      '{ a: "x", "b c": [1, 2n, null, -0], d: bytes(2) 01 ff, e: Map {1 => Set {2}}, f: Date(1970-01-01T00:00:00.000Z), g: { a: 1, self: [circular] } }',
    );
    expect(inspect('x'.repeat(1_000))).toMatch(/… \(1002 characters\)$/);
    expect(inspect(like({ a: 1 }))).toBe('like { a: 1 }');
  });
});
