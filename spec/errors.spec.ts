import { describe, expect, it } from '@jest/globals';
import { inspect } from 'node:util';
import { NEVER } from 'rxjs';
import { runInNewContext } from 'node:vm';
import { completeError, errorText, toError } from '../lib/errors.js';
import { DisconnectedError, RemoteError } from '../lib/index.js';

it('DisconnectedError prints what happened, and not the internals of its Observable', () => {
  const error = new DisconnectedError('host b is gone', { sent: true, host: 'http://b', reconnected: NEVER });
  const printed = inspect(error);
  expect(printed).toContain("code: 'disconnected'");
  expect(printed).toContain("host: 'http://b'");
  expect(printed).not.toContain('Observable');
  expect(error.reconnected).toBe(NEVER);
});

describe('completeError', () => {
  const facts = { host: 'http://b', route: 'ping', sent: false, idempotent: true };

  it('adds the call of an error, and that its route is idempotent', () => {
    const error = new DisconnectedError('gone', { sent: false, host: 'http://b', reconnected: NEVER });
    expect(completeError(error, facts)).toBe(error);
    expect(error).toMatchObject({ host: 'http://b', route: 'ping', sent: false, idempotent: true, initiator: 'local' });
  });

  it('leaves an error of another call alone', () => {
    const error = completeError(new RemoteError('no'), { host: 'http://c', route: 'other' });
    expect(completeError(error, facts)).toMatchObject({ host: 'http://c', route: 'other', sent: true });
  });
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
  it('returns an Error unchanged, of any realm', () => {
    const foreign: unknown = runInNewContext(`new RangeError('far')`);
    expect(toError(foreign)).toBe(foreign);
    expect(toError(unreadable)).toBe(unreadable);
  });

  it('wraps any other value as the cause', () => {
    expect(toError({ message: 'disk full' })).toMatchObject({ message: 'disk full', cause: { message: 'disk full' } });
    expect(toError(proxy)).toMatchObject({ message: 'an error whose message cannot be read' });
  });
});
