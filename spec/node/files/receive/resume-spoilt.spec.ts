import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { lastValueFrom, Subject } from 'rxjs';
import type { FileItem } from '../../../../lib/files/file-item.js';
import { receiveFile } from '../../../../lib/node/files/receive/receive-file.js';
import { kindOf } from '../../../support/files/file-grid.js';
import { itemsOf, namesIn, someBytes } from '../../../support/files/file-stream.js';

/*
 * What is kept of a file that could be continued: the beginning of it, or nothing where some of the bytes are wrong.
 */

const bytes = someBytes(300_000);
const hashed = itemsOf(bytes, { piece: 100_000, hash: 'sha256' });
const end = hashed.at(-1)!;
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'rxgrid-spoilt-'));
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** The last item comes when everything before it is written: what was never written is not kept either. */
async function receive(items: readonly FileItem[]): Promise<string> {
  const source = new Subject<FileItem>();
  const receiving = source.pipe(receiveFile(join(folder, 'target'), { resume: true, fsync: false }));
  const outcome = lastValueFrom(receiving).then(() => 'received', kindOf);
  const before = items.slice(0, -1);
  for (const item of before) source.next(item);
  const length = before.reduce((sum, item) => sum + (item.kind === 'data' ? item.bytes.length : 0), 0);
  const written = (): number | undefined => {
    const [own] = namesIn(folder).filter((name) => name.endsWith('.rxgrid-own'));
    return own === undefined ? undefined : statSync(join(folder, own), { throwIfNoEntry: false })?.size;
  };
  while (written() !== length) {
    await new Promise((resolve) => setImmediate(resolve));
  }
  source.next(items.at(-1)!);
  return outcome;
}

const withoutHash: FileItem = { kind: 'end', length: bytes.length };
const otherHash: FileItem = { ...withoutHash, hash: new Uint8Array(32) };

it.each<[string, readonly FileItem[]]>([
  ['whose hash is another one', [...hashed.slice(0, -1), otherHash]],
  ['whose hash does not come', [...hashed.slice(0, -1), withoutHash]],
  ['that is longer than its header says', [...hashed.slice(0, -1), hashed[1]!]],
])('nothing is kept of a file %s', async (_, items) => {
  expect(await receive(items)).toBe('FileCorruptError file-corrupt');
  expect(namesIn(folder)).toStrictEqual([]);
});

it('the received bytes are kept of a file that ends too early', async () => {
  expect(await receive([...hashed.slice(0, 3), end])).toBe('FileCorruptError file-corrupt');
  expect(namesIn(folder)).toStrictEqual(['.target.rxgrid-part']);
  const kept = readFileSync(join(folder, '.target.rxgrid-part'));
  expect(kept.equals(bytes.subarray(0, 200_000))).toBe(true);
});
