import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { firstValueFrom, NEVER, of, toArray, type Observable } from 'rxjs';
import {
  consume,
  DisconnectedError,
  duplex,
  fileRegion,
  GridError,
  Manager,
  msgpack,
  raw,
  sendfile,
  staticToken,
  type,
  unary,
  type Shape,
} from '../lib/index.js';
import { codecOf } from '../lib/contract/shape-codec.js';
import { BlobRegion } from '../lib/files/blob-region.js';
import { writeFile } from '../lib/files/file-client.js';
import { FileRegion } from '../lib/files/file-region.js';
import { FileError, FileNotFoundError } from '../lib/files/file-error.js';
import { lend } from '../lib/lent.js';
import { PairOfEachTest, record } from './support/linked-managers.js';

/*
 * Two copies of the package in one process: one that was imported and one that was required, or two versions. Here the
 * second one has a copy of rxjs of its own, too.
 */

type Main = typeof import('../lib/index.js');
type Files = typeof import('../lib/files/file-error.js') & typeof import('../lib/files/file-region.js');

function secondCopy(): Main & Files {
  let copy: (Main & Files) | undefined;
  jest.isolateModules(() => {
    copy = {
      ...jest.requireActual<Main>('../lib/index.js'),
      ...jest.requireActual<Files>('../lib/files/file-error.js'),
      ...jest.requireActual<Files>('../lib/files/file-region.js'),
    };
  });
  return copy!;
}

const other = secondCopy();

describe('backpressure', () => {
  const pair = new PairOfEachTest();
  const numbers = duplex({ id: 1, name: 'numbers', output: raw, outCapacity: 4 });
  let pulled = 0;
  afterEach(() => {
    pulled = 0;
  });

  it.each([
    ['one copy', consume],
    ['two copies', other.consume],
  ])('holds with the consume of %s', async (_, consumeOf) => {
    await pair.link(({ b }) => {
      b.handle(numbers, function* () {
        for (; pulled < 10_000; pulled++) yield new Uint8Array(1);
      });
    });
    const { unsubscribe } = record(pair.ab.stream(numbers, undefined).pipe(consumeOf(() => NEVER)));
    await pair.grid.advance(100, 10);
    // The window, and the item that is asked for before it is sent.
    expect(pulled).toBeLessThanOrEqual(5);
    unsubscribe();
  });
});

describe('values of the codecs of the other copy', () => {
  const lent = (bytes: Uint8Array, codec: Shape): unknown => {
    let value: unknown;
    // A message is overwritten as soon as it is handled.
    const message = Uint8Array.of(0xff, ...bytes);
    lend(message, () => {
      value = codecOf(codec, msgpack(), 'a value').decode(message.subarray(1));
    });
    message.fill(0xdb);
    return value;
  };

  it.each<[string, Shape, Uint8Array, unknown]>([
    ['raw', other.raw, Uint8Array.of(1, 2), Uint8Array.of(1, 2)],
    ['fileItems', other.fileItems, Uint8Array.of(2, 7), { kind: 'data', bytes: Uint8Array.of(7) }],
    ['msgpack', other.msgpack(), Uint8Array.of(0xc4, 1, 7), Uint8Array.of(7)],
  ])('share no memory with a message that is overwritten: %s', (_, codec, bytes, value) => {
    expect(lent(bytes, codec)).toStrictEqual(value);
  });
});

describe('errors', () => {
  const details = { sent: false, host: 'http://a', reconnected: undefined };
  const foreign = new other.DisconnectedError('gone', details);

  it('are really of two copies', () => {
    expect(other.DisconnectedError).not.toBe(DisconnectedError);
  });

  it('of one copy are instances of the classes of the other, and of no others', () => {
    expect(foreign).toBeInstanceOf(DisconnectedError);
    expect(foreign).toBeInstanceOf(GridError);
    expect(foreign).not.toBeInstanceOf(other.LimitError);
    expect(new other.FileNotFoundError('no', 'a')).toBeInstanceOf(FileNotFoundError);
    expect(new other.FileNotFoundError('no', 'a')).toBeInstanceOf(FileError);
    expect(foreign).not.toBeInstanceOf(FileError);
  });

  it('of a class without a brand are recognized by instanceof, as always', () => {
    class Mine extends GridError {
      readonly code = 'mine';
    }
    expect(new Mine('m')).toBeInstanceOf(Mine);
    expect(new Mine('m')).toBeInstanceOf(other.GridError);
    expect(foreign).not.toBeInstanceOf(Mine);
    expect(new Mine('m').name).toBe('Mine');
  });

  it('do not match anything else', () => {
    const proxy = new Proxy({}, { getPrototypeOf: () => ({ constructor: { brand: 5 } }) });
    for (const value of [undefined, null, 5, 'text', {}, Object.create(null), new Error('e'), proxy]) {
      expect(value instanceof GridError).toBe(false);
    }
  });

  it('have names that do not depend on how a build names the classes', () => {
    const renamed = { e: class extends DisconnectedError {} }.e;
    Object.defineProperty(renamed, 'name', { value: '_a' });
    Object.defineProperty(renamed, 'brand', { value: 'rxgrid.DisconnectedError' });
    expect(new renamed('gone', details).name).toBe('DisconnectedError');
  });
});

describe('an Observable of a second copy of rxjs, which isObservable refuses', () => {
  // As of an rxjs without lift.
  const foreign = { subscribe: () => undefined, pipe: () => foreign } as never;
  const pair = new PairOfEachTest();
  const numbers = duplex({ id: 1, name: 'numbers', output: raw });
  const echo = duplex({ id: 2, name: 'echo', input: raw, output: raw });
  const bytes = unary({ id: 3, name: 'bytes', response: raw });
  const value = unary({ id: 4, name: 'value', response: type<unknown>() });

  const link = async (): Promise<void> =>
    pair.link(({ b }) => {
      b.handle(numbers, () => foreign);
      b.handle(echo, (_, call) => call.input);
      b.handle(bytes, () => foreign);
      b.handle(value, async () => Promise.resolve(foreign));
    });

  it.each<[string, () => Observable<unknown>, string]>([
    ['result of a stream handler', () => pair.ab.stream(numbers, undefined), 'internal'],
    ['result of a unary handler of bytes', () => pair.ab.request(bytes, undefined), 'internal'],
    ['result of a unary handler of values', () => pair.ab.request(value, undefined), 'internal'],
    ['input of an exchange', () => pair.ab.exchange(echo, undefined, foreign), 'configuration'],
    ['input of an exchange, from a function', () => pair.ab.exchange(echo, undefined, () => foreign), 'configuration'],
    ['source of writeFile', () => writeFile(pair.ab, 'a', foreign), 'configuration'],
  ])('is named in the error: as the %s', async (_, call, code) => {
    await link();
    const { log } = record(call());
    await pair.grid.advance(1);
    expect(log).toMatchObject([{ code, message: expect.stringContaining('two copies of rxjs are loaded') }]);
    if (code === 'internal') expect(pair.grid.events).toMatchObject([{ error: { code: 'handler' } }]);
  });

  it('is named in the error: as the hosts of a manager', () => {
    expect(() => new Manager({ local: 'http://a', auth: staticToken('s'), hosts: foreign })).toThrow(
      /hosts must be .* two copies of rxjs are loaded/,
    );
  });
});

describe('regions of files', () => {
  it('of one copy are the only instances of FileRegion of the other', () => {
    const region = other.fileRegion(new Blob(['abc']));
    expect(other.FileRegion).not.toBe(FileRegion);
    expect(region).toBeInstanceOf(FileRegion);
    expect(fileRegion(new Blob(['abc']))).toBeInstanceOf(other.FileRegion);
    expect(fileRegion(new Blob(['abc']))).toBeInstanceOf(BlobRegion);
    expect(region).not.toBeInstanceOf(BlobRegion);
    for (const value of [undefined, null, 5, 'text', {}, new Blob(['abc'])]) {
      expect(value instanceof FileRegion).toBe(false);
    }
  });
});

describe('regions of files of the other copy', () => {
  const pair = new PairOfEachTest();

  it.each(['a handler returns', 'sendfile sends'])('are sent: %s', async (how) => {
    const region = other.fileRegion(new Blob(['abc']));
    const upload = duplex({ id: 1, name: 'upload', input: raw, output: raw });
    const download = duplex({ id: 2, name: 'download', output: raw });
    await pair.link(({ b }) => {
      b.handle(upload, (_, call) => call.input);
      b.handle(download, () => region as never);
    });
    let items: Observable<Uint8Array>;
    if (how === 'a handler returns') items = pair.ab.stream(download, undefined);
    else {
      const stream = pair.ab.open(upload, undefined);
      of(region)
        .pipe(sendfile(stream) as never)
        .subscribe();
      items = stream;
    }
    const text = firstValueFrom(items.pipe(toArray())).then((parts) => Buffer.concat(parts).toString());
    await pair.grid.settle();
    expect(await text).toBe('abc');
  });
});
