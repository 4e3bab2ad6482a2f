import { describe, expect, it, jest } from '@jest/globals';
import { firstValueFrom } from 'rxjs';
import { z } from 'zod';
import {
  ConfigurationError,
  DeclaredError,
  defineError,
  GridError,
  InvalidArgumentError,
  RemoteError,
  type,
  unary,
} from '../../lib/index.js';
import { PairOfEachTest, record } from '../support/linked-managers.js';

const QuotaExceeded = defineError('quota-exceeded', { data: type<{ limit: number }>(), retryable: true });
const Checked = defineError('checked', { data: z.object({ at: z.number() }) });
const Gone = defineError('gone');
const put = unary({ id: 1, name: 'put', request: type<string>(), errors: [QuotaExceeded, Checked, Gone] });
const unnamed = unary({ id: 1, name: 'put', request: type<string>() });
const schema = unary({ id: 2, name: 'schema', request: z.object({ list: z.array(z.number()) }) });

type Main = typeof import('../../lib/index.js');
let other!: Main;
jest.isolateModules(() => {
  other = jest.requireActual<Main>('../../lib/index.js');
});

const pair = new PairOfEachTest();
const failWith = async (error: unknown, options = {}): Promise<void> =>
  pair.link(({ b }) => {
    b.handle(put, () => {
      throw error;
    });
    b.handle(schema, () => undefined);
  }, options);
const failure = async (): Promise<unknown> =>
  firstValueFrom(pair.ab.request(put, 'x')).catch((error: unknown) => error);

describe('a declared error', () => {
  it('arrives as an instance of its class, with its data and the properties of the call', async () => {
    await failWith(new QuotaExceeded('The bucket is full.', { limit: 10 }));
    const error = await failure();
    expect(error).toBeInstanceOf(QuotaExceeded);
    expect(error).toBeInstanceOf(DeclaredError);
    expect(error).toBeInstanceOf(RemoteError);
    expect(error).toBeInstanceOf(GridError);
    expect(error).not.toBeInstanceOf(Gone);
    expect(error).toMatchObject({
      name: 'QuotaExceeded',
      message: 'The bucket is full.',
      code: 'quota-exceeded',
      data: { limit: 10 },
      retryable: true,
      sent: true,
      initiator: 'remote',
      host: pair.ab.host,
      route: 'put',
    });
    // An outcome that the contract names is no event.
    expect(pair.grid.events).toStrictEqual([]);
  });

  it('is a RemoteError with bytes where the contract of the caller does not name it', async () => {
    await failWith(new QuotaExceeded('full', { limit: 10 }));
    const error: unknown = await firstValueFrom(pair.ab.request(unnamed, 'x')).catch((caught: unknown) => caught);
    expect(error).not.toBeInstanceOf(QuotaExceeded);
    expect(error).toMatchObject({ code: 'quota-exceeded', retryable: true, data: expect.any(Uint8Array) });
  });

  it('may have no data', async () => {
    await failWith(new Gone('gone'));
    expect(await failure()).toBeInstanceOf(Gone);
  });

  it('whose data does not fit its shape becomes an internal one, with an event', async () => {
    await failWith(new Checked('wrong', { at: 'here' as never }));
    expect(await failure()).toMatchObject({ code: 'internal', message: expect.stringContaining('data of an error') });
    expect(pair.grid.events).toMatchObject([{ type: 'handler-error', error: { code: 'handler' } }]);
  });

  it.each<[string, ReturnType<typeof defineError>]>([
    ['of another type', defineError('checked', { data: z.object({ at: z.string() }) })],
    ['that the caller misses', defineError('gone', { data: type<{ at: string }>() })],
  ])('with data %s is a RemoteError with its code: no instance contradicts its type', async (_, theirs) => {
    const route = unary({ id: 1, name: 'put', request: type<string>(), errors: [theirs] });
    await failWith(theirs.code === 'gone' ? new Gone('gone') : new Checked('checked', { at: 1 }));
    const error: unknown = await firstValueFrom(pair.ab.request(route, 'x')).catch((caught: unknown) => caught);
    expect(error).not.toBeInstanceOf(DeclaredError);
    expect(error).toBeInstanceOf(RemoteError);
    expect(error).toMatchObject({ code: theirs.code, message: theirs.code, route: 'put', initiator: 'remote' });
  });

  it('with too much data becomes an internal one', async () => {
    const Large = defineError('large', { data: type<string>() });
    await failWith(new Large('large', 'x'.repeat(70_000)));
    expect(await failure()).toMatchObject({ code: 'internal', message: expect.stringContaining('maxErrorDataBytes') });
  });

  it('of another copy of the package is one of this copy', () => {
    const theirs = other.defineError('quota-exceeded', { data: type<{ limit: number }>() });
    const error = new theirs('full', { limit: 1 });
    expect(error).toBeInstanceOf(QuotaExceeded);
    expect(error).toBeInstanceOf(RemoteError);
    expect(new QuotaExceeded('full', { limit: 1 })).toBeInstanceOf(theirs);
    expect(error).not.toBeInstanceOf(Gone);
  });

  it('created by another copy crosses the wire', async () => {
    const theirs = other.defineError('quota-exceeded', { data: type<{ limit: number }>() });
    await failWith(new theirs('full', { limit: 1 }));
    expect(await failure()).toMatchObject({ code: 'quota-exceeded', data: { limit: 1 } });
    expect(await failure()).toBeInstanceOf(QuotaExceeded);
  });

  it('may be a subclass', async () => {
    class Mine extends defineError('mine', { data: type<number>() }) {}
    expect(new Mine('x', 5)).toBeInstanceOf(Mine);
    expect(new Mine('x', 5)).toMatchObject({ code: 'mine', data: 5 });
  });

  it.each<[string, string]>([
    ['', 'must be a text'],
    ['x'.repeat(257), 'must be a text'],
    ['internal', "is the library's own"],
    ['permission-denied', "is the library's own"],
  ])('cannot have the code %p', (code, text) => {
    expect(() => defineError(code)).toThrow(text);
  });

  it('cannot be named twice, and must be a class', () => {
    expect(() => unary({ name: 'x', errors: [Gone, Gone] })).toThrow(ConfigurationError);
    expect(() => unary({ name: 'x', errors: [Error as never] })).toThrow('a list of error classes');
  });
});

describe('an undeclared error', () => {
  it('is internal, with its text for a host', async () => {
    await failWith(new Error('no disk'));
    expect(await failure()).toMatchObject({
      code: 'internal',
      message: 'no disk',
      retryable: false,
      initiator: 'remote',
    });
    expect(pair.grid.events).toMatchObject([{ type: 'handler-error', error: { message: 'no disk' } }]);
  });

  it.each<[string, unknown]>([
    ['null', null],
    ['undefined', undefined],
    ['a text', 'text'],
    [
      'a Proxy',
      new Proxy(
        {},
        {
          getPrototypeOf: () => {
            throw new Error('trap');
          },
        },
      ),
    ],
  ])('may be %s', async (_, thrown) => {
    await failWith(thrown);
    expect(await failure()).toMatchObject({ code: 'internal' });
  });
});

describe('a request that does not fit its schema', () => {
  it('is invalid, with the paths', async () => {
    await failWith(new Error());
    const { log } = record(pair.ab.request(schema, { list: [1, 'two' as never] }));
    await pair.grid.settle();
    expect(log[0]).toBeInstanceOf(InvalidArgumentError);
    expect(log[0]).toMatchObject({
      code: 'invalid-argument',
      sent: false,
      data: { issues: [{ path: ['list', 1], message: expect.any(String) }] },
    });
    expect(pair.grid.events).toStrictEqual([]);
  });
});

describe('a nested call in a handler', () => {
  // The handler itself has run: to repeat the call would run it twice.
  it('passes its failure on, without the property that nothing was sent', async () => {
    await pair.link(({ b }) => {
      b.handle(put, (text, call) => call.connection('http://a:1').request(schema, { list: [text.length] }));
    });
    // There is no handler for it at a.
    expect(await failure()).toMatchObject({ code: 'unimplemented', sent: true, retryable: false });
  });
});
