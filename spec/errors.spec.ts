import { describe, expect, it } from '@jest/globals';
import { inspect } from 'node:util';
import { NEVER } from 'rxjs';
import { runInNewContext } from 'node:vm';
import { errorText, toError } from '../lib/errors.js';
import { DisconnectedError } from '../lib/index.js';

it('DisconnectedError prints what happened, and not the insides of its Observable', () => {
  const error = new DisconnectedError('host b is gone', { sent: true, host: 'http://b', reconnected: NEVER });
  const printed = inspect(error);
  expect(printed).toContain("code: 'disconnected'");
  expect(printed).toContain("host: 'http://b'");
  expect(printed).not.toContain('Observable');
  expect(error.reconnected).toBe(NEVER);
});

it('DisconnectedError takes no stack for the copy of an idempotent call: a lost connection has as many as it had calls', () => {
  const error = new DisconnectedError('host b is gone', { sent: true, host: 'http://b', reconnected: NEVER });
  const copy = error.ofIdempotentCall();
  expect(copy.idempotent).toBe(true);
  expect(copy.reconnected).toBe(NEVER);
  expect(copy.stack).not.toContain('\n');
});

const unreadable = Object.defineProperty(new Error(), 'message', {
  get() {
    throw new Error('the getter');
  },
});
const proxy = new Proxy(
  {},
  {
    get() {
      throw new Error('the trap');
    },
  },
);

describe('errorText', () => {
  it.each<[unknown, string]>([
    [new Error('disk full'), 'disk full'],
    [new TypeError(), 'TypeError'],
    [runInNewContext(`new Error('ENOENT: no such file')`), 'ENOENT: no such file'],
    [{ message: 'disk full' }, 'disk full'],
    [{ message: 5, name: 'Odd' }, 'Odd'],
    ['a text', 'a text'],
    [404, '404'],
    [7n, '7'],
    [undefined, 'unknown error'],
    [null, 'unknown error'],
    [Symbol('s'), 'unknown error'],
    [{}, 'unknown error'],
  ])('of %p is %p', (error, text) => {
    expect(errorText(error)).toBe(text);
  });

  it('never throws', () => {
    expect(errorText(unreadable)).toBe('an error whose message cannot be read');
    expect(errorText(proxy)).toBe('an error whose message cannot be read');
  });
});

describe('toError', () => {
  it('gives an Error back, of whatever realm', () => {
    const foreign: unknown = runInNewContext(`new RangeError('far')`);
    expect(toError(foreign)).toBe(foreign);
    expect(toError(unreadable)).toBe(unreadable);
  });

  it('makes one of anything else, with it as the cause', () => {
    expect(toError({ message: 'disk full' })).toMatchObject({ message: 'disk full', cause: { message: 'disk full' } });
    expect(toError(proxy)).toMatchObject({ message: 'an error whose message cannot be read' });
  });
});
