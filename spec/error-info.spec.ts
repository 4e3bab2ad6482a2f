import { describe, expect, it } from '@jest/globals';
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
  ])('makes a plain value of %s, which codecs take, and keeps the error beside it', (_, error, plain) => {
    const info = errorInfo(error);
    expect(info).toStrictEqual(plain);
    expect(info.cause).toBe(error);
    const codec = msgpack();
    expect(codec.decode(codec.encode(info))).toStrictEqual(plain);
  });
});
