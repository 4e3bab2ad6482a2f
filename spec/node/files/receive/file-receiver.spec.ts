import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Subject } from 'rxjs';
import type { FileItem } from '../../../../lib/files/file-item.js';
import { maxPiecesWaiting } from '../../../../lib/bounds.js';
import { destinationAt, type Destination } from '../../../../lib/node/files/disk/destination.js';
import { FileReceiver } from '../../../../lib/node/files/receive/file-receiver.js';
import type { Reception } from '../../../../lib/node/files/receive/reception.js';
import { itemsOf, namesIn, someBytes } from '../../../support/files/file-stream.js';

let folder: string;
let source: Subject<FileItem>;
let log: string[];
let ended: Promise<void>;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'rxgrid-receiver-'));
  source = new Subject();
  log = [];
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

function start(options: Partial<Reception> = {}): FileReceiver {
  let end!: () => void;
  ended = new Promise((resolve) => (end = resolve));
  const receiver: FileReceiver = new FileReceiver(source, 'spec', {
    name: ({ path }) => path,
    destinationOf: ({ path }) => destinationAt(join(folder, path)),
    single: false,
    options: { fsync: false },
    progressed: () => undefined,
    done: ({ path }) => log.push(`done ${path}`),
    failed: (error) => log.push(`failed ${error.code} ${error.path}`),
    ended: (error) => {
      log.push(error === undefined ? 'ended' : `ended ${String((error as { code?: unknown }).code)}`);
      end();
    },
    ...options,
  });
  receiver.start();
  return receiver;
}

const send = (...items: readonly FileItem[]): void => {
  for (const item of items) source.next(item);
};
const smallFile = (path: string): FileItem[] => itemsOf(someBytes(100), { path });
const largeFile = (path: string): FileItem[] => itemsOf(someBytes(300_000), { path, piece: 100_000 });
const pack = (...paths: string[]): FileItem => ({
  kind: 'pack',
  files: paths.map((path) => ({ path, mode: 0o644, bytes: someBytes(10) })),
});

describe('a stream of files', () => {
  it('is received completely, for every kind of file', async () => {
    start();
    send(...smallFile('a'), ...largeFile('b'), pack('c', 'd'), ...largeFile('e'));
    source.complete();
    await ended;
    expect([...log].sort()).toStrictEqual(['done a', 'done b', 'done c', 'done d', 'done e', 'ended']);
    expect(log.at(-1)).toBe('ended');
    expect(namesIn(folder)).toStrictEqual(['a', 'b', 'c', 'd', 'e']);
  });

  it('continues to be received after an observer has thrown', async () => {
    let isReady = false;
    let throws = true;
    const receiver = start({
      limit: { taken: () => undefined, ready: () => isReady },
      progressed: () => {
        if (throws) throw new Error('of the observer');
      },
    });
    send(pack('a', 'b'));
    isReady = true;
    expect(receiver.resume).toThrow('of the observer');
    throws = false;
    receiver.resume();
    send(...smallFile('c'));
    source.complete();
    await ended;
    expect(namesIn(folder)).toStrictEqual(['a', 'b', 'c']);
  });

  it('continues after a file that its sender cannot read, and after one that cannot be written', async () => {
    const missing = destinationAt(join(folder, 'none/x'));
    start({ destinationOf: ({ path }) => (path === 'lost' ? missing : destinationAt(join(folder, path))) });
    const [header] = largeFile('torn');
    send(
      { kind: 'error', code: 'file-not-found', message: 'no' },
      header!,
      { kind: 'error', code: 'file-changed', message: 'it changed' },
      ...largeFile('lost'),
      ...smallFile('a'),
    );
    source.complete();
    await ended;
    expect([...log].sort()).toStrictEqual([
      'done a',
      'ended',
      'failed file-changed torn',
      'failed file-not-found ',
      'failed file-not-found lost',
    ]);
    expect(namesIn(folder)).toStrictEqual(['a']);
  });

  it.each<[string, () => readonly FileItem[]]>([
    ['bytes belong to no file', () => [{ kind: 'data', bytes: someBytes(1) }]],
    ['a file ends that has not begun', () => [{ kind: 'end', length: 0 }]],
    ['a file begins within another one', () => [largeFile('a')[0]!, largeFile('b')[0]!]],
    ['a pack comes within a file', () => [largeFile('a')[0]!, pack('b')]],
  ])('ends, and leaves nothing, where %s', async (_, items) => {
    start();
    send(...items());
    await ended;
    expect(log.at(-1)).toBe('ended file-corrupt');
    expect(namesIn(folder)).toStrictEqual([]);
  });

  it('abandons the file where it fails, or ends within a file', async () => {
    start();
    send(...largeFile('a').slice(0, 2));
    source.complete();
    await ended;
    expect(log).toStrictEqual(['failed file-corrupt a', 'ended']);
    [source, log] = [new Subject(), []];
    start();
    send(...largeFile('a').slice(0, 2));
    source.error(Object.assign(new Error('gone'), { code: 'lost' }));
    await ended;
    expect(log).toStrictEqual(['ended lost']);
    expect(namesIn(folder)).toStrictEqual([]);
  });
});

describe('a stream of exactly one file', () => {
  it.each<[string, () => readonly FileItem[], string]>([
    ['none', () => [], 'ended file-conflict'],
    ['two', () => [...smallFile('a'), ...smallFile('b')], 'ended file-corrupt'],
    ['a pack', () => [pack('a')], 'ended file-corrupt'],
    ['a folder', () => [{ kind: 'header', path: 'a/', size: 0, offset: 0, length: 0 }], 'ended file-not-regular'],
  ])('%s is refused', async (_, items, end) => {
    start({ single: true });
    send(...items());
    source.complete();
    await ended;
    expect(log.at(-1)).toBe(end);
  });
});

describe('a stopped receiver', () => {
  it('abandons the current file, accepts no more, and calls no observer', async () => {
    const receiver = start();
    send(...largeFile('a').slice(0, 3));
    receiver.stop();
    receiver.stop();
    expect(source.observed).toBe(false);
    while (namesIn(folder).length > 0) await new Promise((resolve) => setImmediate(resolve));
    expect(log).toStrictEqual([]);
  });

  it('may be stopped by the observer of a file, also within a pack', async () => {
    // Small files are written at once only while the disk is fast.
    await new Promise<void>((resolve) => {
      const receiver: FileReceiver = start({
        done: ({ path }) => {
          log.push(`done ${path}`);
          receiver.stop();
          resolve();
        },
      });
      send(pack('a', 'b', 'c'));
    });
    expect(log).toStrictEqual(['done a']);
    while (namesIn(folder).length > 1) await new Promise((resolve) => setImmediate(resolve));
    expect(namesIn(folder)).toStrictEqual(['a']);
  });
});

describe('backpressure', () => {
  it('accepts no item while the reception is not ready', async () => {
    let ready = false;
    let taken = 0;
    const receiver = start({ limit: { ready: () => ready, taken: () => taken++ } });
    send(...smallFile('a'));
    expect(taken).toBe(0);
    ready = true;
    receiver.resume();
    expect(taken).toBe(3);
    source.complete();
    await ended;
  });

  it('leaves bytes at the sender while the file has its maximum of unwritten pieces', async () => {
    let open!: (destination: Destination) => void;
    let taken = 0;
    start({
      destinationOf: () => new Promise((resolve) => (open = resolve)),
      limit: { ready: () => true, taken: () => taken++ },
    });
    const pieces = 2 * maxPiecesWaiting;
    send(...itemsOf(someBytes(pieces * 10_000), { path: 'a', piece: 10_000 }));
    // The header, and as many pieces.
    expect(taken).toBe(1 + maxPiecesWaiting);
    open(destinationAt(join(folder, 'a')));
    source.complete();
    await ended;
    expect(taken).toBe(pieces + 2);
    expect(log).toStrictEqual(['done a', 'ended']);
  });

  it('waits for bytes only while a file is open and there is room', async () => {
    const receiver = start();
    expect(receiver.waitsForBytes).toBe(false);
    const items = largeFile('a');
    send(items[0]!);
    expect(receiver.waitsForBytes).toBe(true);
    send(...items.slice(1));
    expect(receiver.waitsForBytes).toBe(false);
    source.complete();
    await ended;
  });
});
