import { describe, expect, it } from '@jest/globals';
import { lastValueFrom, of, Subject, toArray } from 'rxjs';
import { ConfigurationError } from '../../lib/errors.js';
import { consume } from '../../lib/operators/consume.js';
import { fromIterable } from '../../lib/operators/from-iterable.js';
import { fromReadableStream } from '../../lib/operators/from-readable-stream.js';
import { resumable } from '../../lib/operators/resumable.js';
import { sendTo } from '../../lib/operators/send-to.js';
import { takeUntilAborted } from '../../lib/operators/take-until-aborted.js';
import { toAsyncIterable } from '../../lib/operators/to-async-iterable.js';
import { toReadableStream } from '../../lib/operators/to-readable-stream.js';
import { toNodeReadable } from '../../lib/node/to-node-readable.js';

const no = (value: unknown): never => value as never;

describe('an argument of the wrong kind', () => {
  it.each<[string, () => unknown, string]>([
    ['consume', () => consume(no(of(1))), 'consume: project must be a function that returns the work for an item'],
    ['resumable', () => resumable(no(of(1)), { from: () => 0 }), 'resumable: stream must be a function that opens'],
    ['resumable without from', () => resumable(() => of(1), no({})), 'resumable needs from: a function'],
    ['sendTo', () => sendTo(no(new Subject())), 'sendTo: the stream must be what connection.open(…) returned'],
    ['takeUntilAborted', () => takeUntilAborted(no(undefined)), 'the signal must be an AbortSignal; it is undefined.'],
    ['fromIterable', () => fromIterable(no(3)), 'the source must be an iterable or an async iterable'],
    ['fromIterable of null', () => fromIterable(no(null)), 'it is null.'],
    ['fromIterable of a function', () => fromIterable(no(function* () {})), 'or a generator that was called'],
    ['fromReadableStream', () => fromReadableStream(no({})), 'the stream must be a ReadableStream; it is an object.'],
    ['toAsyncIterable', () => toAsyncIterable(no([1])), 'toAsyncIterable: the source must be an Observable'],
    ['toReadableStream', () => toReadableStream(no(3)), 'toReadableStream: the source must be an Observable; it is 3.'],
    ['toNodeReadable', () => toNodeReadable(no('x')), "toNodeReadable: the source must be an Observable; it is 'x'."],
  ])('is refused at once: %s', (_, call, text) => {
    expect(call).toThrow(ConfigurationError);
    expect(call).toThrow(text);
  });

  it('is not a text, which is an iterable', async () => {
    expect(await lastValueFrom(fromIterable('ab').pipe(toArray()))).toStrictEqual(['a', 'b']);
  });
});
