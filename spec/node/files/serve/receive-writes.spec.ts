import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Subject } from 'rxjs';
import type { Call } from '../../../../lib/contract/handler.js';
import type { FileItem } from '../../../../lib/files/file-item.js';
import type { WriteReport } from '../../../../lib/files/file-routes.js';
import { uploadIdleTimeout } from '../../../../lib/limits.js';
import { SlotPool } from '../../../../lib/node/files/disk/slot-pool.js';
import { receiveWrites } from '../../../../lib/node/files/serve/receive-writes.js';
import { RootFolder } from '../../../../lib/node/files/folder/root-folder.js';
import { itemsOf, namesIn, someBytes } from '../../../support/files/file-stream.js';
import { ManualRuntime } from '../../../support/manual-runtime.js';

let folder: string;
let runtime: ManualRuntime;
let input: Subject<FileItem>;
let files: SlotPool;
const bytes = someBytes(300_000);
const [header, first, second] = itemsOf(bytes, { piece: 100_000 });

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'rxgrid-writes-'));
  runtime = new ManualRuntime();
  input = new Subject();
  files = new SlotPool(1, 1, { what: 'files' });
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

function receive(): AsyncGenerator<WriteReport> {
  const server = { folder: new RootFolder(folder), files, uploadIdleTimeout, runtime };
  const call = { input, signal: new AbortController().signal, caller: 'leaf' };
  return receiveWrites(server, { path: 'big', fsync: false }, call as unknown as Call<FileItem>);
}

async function untilWritten(reports: AsyncGenerator<WriteReport>, wanted: number): Promise<void> {
  for (;;) {
    const { value } = (await reports.next()) as { value: WriteReport };
    if (value.kind === 'progress' && value.bytes === wanted) return;
  }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('an upload', () => {
  it('that receives no byte for a minute is abandoned, and not before', async () => {
    const reports = receive();
    let next = reports.next();
    input.next(header!);
    input.next(first!);
    await next;
    runtime.advance(uploadIdleTimeout - 1);
    input.next(second!);
    await untilWritten(reports, 200_000);
    next = reports.next();
    runtime.advance(uploadIdleTimeout - 1);
    expect(namesIn(folder)).toHaveLength(1);
    runtime.advance(1);
    expect((await next).value).toMatchObject({ kind: 'failure', path: '', code: 'file-idle' });
    expect(await reports.next()).toStrictEqual({ done: true, value: undefined });
    expect([namesIn(folder), runtime.scheduled]).toStrictEqual([[], 0]);
    // Its slot is free.
    expect(typeof files.take('leaf')).toBe('function');
  });

  it('whose items have no bytes counts as idle', async () => {
    const reports = receive();
    const next = reports.next();
    input.next(header!);
    input.next(first!);
    await next;
    for (let passed = 0; passed < uploadIdleTimeout; passed += uploadIdleTimeout / 4) {
      input.next({ kind: 'data', bytes: new Uint8Array() });
      runtime.advance(uploadIdleTimeout / 4);
    }
    runtime.advance(uploadIdleTimeout / 4);
    expect((await reports.next()).value).toMatchObject({ kind: 'failure', path: '', code: 'file-idle' });
    await reports.return(undefined);
  });

  it('that waits for its turn is not abandoned', async () => {
    const release = await files.take('leaf');
    const reports = receive();
    const next = reports.next();
    for (const item of itemsOf(bytes, { piece: 10_000 })) input.next(item);
    await turn();
    runtime.advance(10 * uploadIdleTimeout);
    release();
    input.complete();
    expect((await next).value).toMatchObject({ kind: 'progress' });
    for await (const report of reports) expect(report.kind).toBe('progress');
    expect([namesIn(folder), runtime.scheduled]).toStrictEqual([['big'], 0]);
  });
});
