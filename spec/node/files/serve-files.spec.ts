import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { lastValueFrom, toArray } from 'rxjs';
import { receiveFile } from '../../../lib/node/files/receive-file.js';
import { list$, readFile$, stat$, writeFile$ } from '../../../lib/files/file-client.js';
import { FilesHost } from '../../support/files-host.js';

let host: FilesHost;

beforeEach(async () => {
  host = await FilesHost.start({ writable: true });
});

afterEach(async () => {
  await host.close();
});

describe('files', () => {
  it('go there and back', async () => {
    const bytes = new Uint8Array(3_000_000).map((_, i) => i * 7);
    await lastValueFrom(writeFile$(host.leaf, 'a/b/c.bin', bytes));
    expect(Buffer.compare(readFileSync(join(host.root, 'a/b/c.bin')), bytes)).toBe(0);
    const target = join(host.local, 'c.bin');
    const progress = await lastValueFrom(
      readFile$(host.leaf, 'a/b/c.bin', { hash: 'sha256' }).pipe(receiveFile(target, { verify: true }), toArray()),
    );
    expect(progress.at(-1)).toMatchObject({ path: target, received: bytes.length, total: bytes.length });
    expect(Buffer.compare(readFileSync(target), bytes)).toBe(0);
  });
});
