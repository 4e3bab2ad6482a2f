import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createHash } from 'node:crypto';
import { closeSync, ftruncateSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CancelledError } from '../../../../lib/errors.js';
import { maxHashesAtOnce } from '../../../../lib/bounds.js';
import { hashFile } from '../../../../lib/node/files/disk/hash-file.js';
import { someBytes } from '../../../support/files/file-stream.js';

let folder: string;
let fd: number;
const bytes = someBytes(3_000_000);
const sha256 = (part: Uint8Array): Uint8Array => new Uint8Array(createHash('sha256').update(part).digest());

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'rxgrid-hash-'));
  writeFileSync(join(folder, 'f'), bytes);
  fd = openSync(join(folder, 'f'), 'r+');
});

afterEach(() => {
  closeSync(fd);
  rmSync(folder, { recursive: true });
});

describe('hashing a file', () => {
  it.each([
    [0, 0],
    [0, 10],
    [5, 65_536],
    [0, 3_000_000],
    [1_000_000, 1_500_000],
  ])('covers it from %d on, %d bytes', async (offset, length) => {
    expect(await hashFile({ fd, offset, length })).toStrictEqual(sha256(bytes.subarray(offset, offset + length)));
  });

  it('fails where it is shorter', async () => {
    expect(await hashFile({ fd, length: 3_000_001 })).toBeUndefined();
    expect(await hashFile({ fd, offset: 2_999_999, length: 2 })).toBeUndefined();
  });

  it('runs on other threads, does not block this one, and interleaves many files', async () => {
    const all = Array.from({ length: maxHashesAtOnce * 3 }, (_, index) =>
      hashFile({ fd, length: 3_000_000, peer: `p${index % 2}` }),
    );
    expect((await Promise.all(all)).every((one) => Buffer.compare(one!, sha256(bytes)) === 0)).toBe(true);
  });

  it('stops when it is cancelled, and others get their turn', async () => {
    // Hours of work, of nothing.
    const huge = join(folder, 'huge');
    const hugeFd = openSync(huge, 'w+');
    ftruncateSync(hugeFd, 2 ** 42);
    const cancel = new AbortController();
    const all = Array.from({ length: maxHashesAtOnce + 3 }, () =>
      hashFile({ fd: hugeFd, length: 2 ** 42, signal: cancel.signal, peer: 'a' }),
    );
    const other = hashFile({ fd, length: 3_000_000, peer: 'b' });
    cancel.abort();
    const results = await Promise.allSettled(all);
    const reasons = results.map((result) => (result.status === 'rejected' ? (result.reason as unknown) : undefined));
    expect(reasons.every((reason) => reason instanceof CancelledError)).toBe(true);
    expect(await other).toStrictEqual(sha256(readFileSync(join(folder, 'f'))));
    closeSync(hugeFd);
    await expect(hashFile({ fd, length: 5, signal: cancel.signal })).rejects.toBeInstanceOf(CancelledError);
  });
});
