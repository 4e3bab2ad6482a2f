import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { NEVER } from 'rxjs';
import { consume, DisconnectedError, duplex, GridError, raw } from '../lib/index.js';
import { FileError, FileNotFoundError } from '../lib/files/file-error.js';
import { PairOfEachTest, record } from './support/linked-managers.js';

/*
 * Two copies of the package in one process: one that was imported and one that was required, or two versions. Here the
 * second one has a copy of rxjs of its own, too.
 */

type Main = typeof import('../lib/index.js');
type Files = typeof import('../lib/files/file-error.js');

function secondCopy(): Main & Files {
  let copy: (Main & Files) | undefined;
  jest.isolateModules(() => {
    copy = {
      ...jest.requireActual<Main>('../lib/index.js'),
      ...jest.requireActual<Files>('../lib/files/file-error.js'),
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

  it('of a class without a brand are told as ever', () => {
    class Mine extends GridError {
      readonly code = 'mine';
    }
    expect(new Mine('m')).toBeInstanceOf(Mine);
    expect(new Mine('m')).toBeInstanceOf(other.GridError);
    expect(foreign).not.toBeInstanceOf(Mine);
    expect(new Mine('m').name).toBe('Mine');
  });

  it('are nothing else, whatever that is', () => {
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
