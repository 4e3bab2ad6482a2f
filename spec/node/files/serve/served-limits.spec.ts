import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { concat, lastValueFrom, NEVER, of, toArray, type Subscription } from 'rxjs';
import type { LeafConnection } from '../../../../lib/endpoint/leaves/leaf.js';
import { fileBytes, readFile, statFile, writeFile } from '../../../../lib/files/file-client.js';
import type { FileItem } from '../../../../lib/files/file-item.js';
import { maxServedFiles, maxServedFilesPerPeer } from '../../../../lib/limits.js';
import { namesIn } from '../../../support/files/file-stream.js';
import { FilesHost } from '../../../support/files/files-host.js';

/*
 * The bounds of a server on open files, by uploads that begin and never go on: each holds one.
 */

const header: FileItem = { kind: 'header', path: 'x', size: 1 << 20, offset: 0, length: 1 << 20 };
let host: FilesHost;

beforeEach(async () => {
  host = await FilesHost.start({ writable: true, leaves: { authenticate: (token) => token } });
  writeFileSync(join(host.root, 'small'), 'some');
});

afterEach(async () => {
  await host.close();
});

const leafOf = async (token: string): Promise<LeafConnection> => {
  const { leaf } = host.grid.leaf(host.name, { token });
  await leaf.ready();
  return leaf;
};

/** The files that are open for writing, by the number in their names. */
function open(): number[] {
  const numbers = namesIn(host.root).flatMap((name) => /^\.f(\d+)\..*rxgrid-tmp$/.exec(name)?.[1] ?? []);
  return numbers.map(Number).sort((a, b) => a - b);
}

async function untilOpen(expected: readonly number[]): Promise<void> {
  while (open().join() !== expected.join()) await new Promise((resolve) => setImmediate(resolve));
}

const begin = (leaf: LeafConnection, number: number): Subscription =>
  writeFile(leaf, `f${String(number)}`, concat(of(header), NEVER), { fsync: false }).subscribe({
    error: () => undefined,
  });
const numbers = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, index) => from + index);

async function read(leaf: LeafConnection): Promise<number> {
  return Buffer.concat(await lastValueFrom(readFile(leaf, 'small').pipe(fileBytes(), toArray()))).length;
}

describe('files open at a server', () => {
  it('are bounded per peer: the rest waits in order, and others proceed meanwhile', async () => {
    const greedy = await leafOf('greedy');
    const begun = numbers(0, maxServedFilesPerPeer + 3).map((number) => begin(greedy, number));
    await untilOpen(numbers(0, maxServedFilesPerPeer));
    expect(await read(await leafOf('newcomer'))).toBe(4);
    expect(open()).toStrictEqual(numbers(0, maxServedFilesPerPeer));
    begun[5]!.unsubscribe();
    const next = [...numbers(0, maxServedFilesPerPeer), maxServedFilesPerPeer].filter((number) => number !== 5);
    await untilOpen(next);
    // One that waits and is given up is not waited for.
    begun[maxServedFilesPerPeer + 1]!.unsubscribe();
    begun[6]!.unsubscribe();
    await untilOpen([...next.filter((number) => number !== 6), maxServedFilesPerPeer + 2]);
    for (const one of begun) one.unsubscribe();
    await untilOpen([]);
  });

  it('are bounded in total', async () => {
    const peers = maxServedFiles / maxServedFilesPerPeer;
    let first: LeafConnection | undefined;
    for (let peer = 0; peer < peers; peer++) {
      const leaf = await leafOf(`leaf${String(peer)}`);
      first ??= leaf;
      const from = peer * maxServedFilesPerPeer;
      for (const number of numbers(from, from + maxServedFilesPerPeer)) begin(leaf, number);
    }
    await untilOpen(numbers(0, maxServedFiles));
    const late = await leafOf('late');
    const reading = read(late);
    begin(late, maxServedFiles);
    let isRead = false as boolean;
    void reading.then(() => (isRead = true));
    // Its connection works, and its requests wait.
    for (let count = 0; count < 3; count++) await lastValueFrom(statFile(late, 'small'));
    expect(isRead).toBe(false);
    expect(open()).toStrictEqual(numbers(0, maxServedFiles));
    first!.close();
    expect(await reading).toBe(4);
    await untilOpen(numbers(maxServedFilesPerPeer, maxServedFiles + 1));
  });
});
