import { describe, expect, it } from '@jest/globals';
import { runInNewContext } from 'node:vm';
import { errorInfo } from '../lib/error-info.js';
import { DeadlineExceededError } from '../lib/errors.js';
import { msgpack } from '../lib/codec/msgpack-codec.js';

describe('errorInfo()', () => {
  const system = Object.assign(new Error('refused'), { code: 'ECONNREFUSED' });

  it.each<[string, unknown, object]>([
    [
      'an error of ours',
      new DeadlineExceededError('late'),
      { name: 'DeadlineExceededError', code: 'deadline-exceeded', message: 'late' },
    ],
    ['an error of the system', system, { name: 'Error', code: 'ECONNREFUSED', message: 'refused' }],
    ['any other error', new TypeError('wrong'), { name: 'TypeError', message: 'wrong' }],
    ['a text', 'oops', { name: 'Error', message: 'oops' }],
    ['nothing', undefined, { name: 'Error', message: 'unknown error' }],
  ])('makes a plain, encodable value of %s, and keeps the error beside it', (_, error, plain) => {
    const info = errorInfo(error);
    expect(info).toStrictEqual(plain);
    expect(info.cause).toBe(error);
    const codec = msgpack();
    expect(codec.decode(codec.encode(info))).toStrictEqual(plain);
  });

  it('escapes what a terminal or a log would act on, and keeps the error as it is', () => {
    const error = Object.assign(new Error('seen\n\u001b[31m'), { name: 'E\r', code: '\u0007' });
    const info = errorInfo(error);
    expect(info).toStrictEqual({ name: 'E\\r', code: '\\u0007', message: 'seen\\n\\u001b[31m' });
    expect(info.cause).toBe(error);
    expect(errorInfo(new Error('x'.repeat(1e6))).message.length).toBeLessThan(3_000);
  });

  const unreadable = (): never => {
    throw new Error('trap');
  };
  const revoked = Proxy.revocable({}, {});
  revoked.revoke();

  it.each<[string, unknown]>([
    ['an error whose name throws', Object.defineProperty(new Error('seen'), 'name', { get: unreadable })],
    ['an error whose code throws', Object.defineProperty(new Error('seen'), 'code', { get: unreadable })],
    ['an error whose name is no text', Object.assign(new Error('seen'), { name: 5 })],
  ])('describes %s', (_, error) => {
    expect(errorInfo(error)).toStrictEqual({ name: 'Error', message: 'seen' });
  });

  it.each<[string, unknown]>([
    ['a Proxy whose traps throw', new Proxy({}, { get: unreadable, getPrototypeOf: unreadable })],
    ['a Proxy that was revoked', revoked.proxy],
  ])('describes %s', (_, error) => {
    expect(errorInfo(error)).toStrictEqual({ name: 'Error', message: 'an error whose message cannot be read' });
    expect(errorInfo(error).cause).toBe(error);
  });

  it('recognizes an error of another realm', () => {
    const error: unknown = runInNewContext("Object.assign(new RangeError('far'), { code: 'ENOENT' })");
    expect(errorInfo(error)).toStrictEqual({ name: 'RangeError', code: 'ENOENT', message: 'far' });
  });
});
