/*
 * What runs in the browser: the page of blob.spec.ts. It tells the host of that spec what it found.
 */

import { firstValueFrom, lastValueFrom, of, tap, toArray } from 'rxjs';
import { fileBytes, readFile, writeFile } from '../../lib/files/index.js';
import { connect, fileRegion, sendfile, type LeafConnection } from '../../lib/index.js';
import { blobBytes, report, upload, type PageReport } from './routes.js';

declare const document: { readonly body: { textContent: string } };
declare const location: { readonly search: string };

async function hashOf(blob: Blob): Promise<string> {
  const hash = await crypto.subtle.digest('SHA-256', await blob.arrayBuffer());
  return Array.from(new Uint8Array(hash), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

async function transfer(leaf: LeafConnection): Promise<PageReport> {
  const blob = new Blob([new Uint8Array(blobBytes).map((_, index) => (index * index) >> 9)]);
  const { written } = await lastValueFrom(writeFile(leaf, 'written.bin', blob));
  await lastValueFrom(writeFile(leaf, 'region.bin', fileRegion(blob, { hash: 'sha256' })));

  const stream = leaf.open(upload, undefined);
  const answer = firstValueFrom(stream);
  const modes = new Set<string>();
  const file = new File([blob], 'page.bin');
  const { sent, total } = await lastValueFrom(
    of(file).pipe(
      sendfile(stream),
      tap(({ mode }) => modes.add(mode)),
    ),
  );
  if ((await answer) !== (await hashOf(blob))) throw new Error('The host got other bytes of sendfile.');

  const parts = await lastValueFrom(readFile(leaf, 'written.bin', { hash: 'sha256' }).pipe(fileBytes(), toArray()));
  const readBack = await hashOf(new Blob(parts as Uint8Array<ArrayBuffer>[]));
  return { sent: await hashOf(blob), readBack, written, modes: [...modes], progress: { sent, total } };
}

const leaf = connect(new URLSearchParams(location.search).get('host')!, { token: 'page' });
document.body.textContent = 'The page runs.';
void transfer(leaf)
  .catch((error: unknown): PageReport => ({ error: String(error) }))
  .then((found) => {
    document.body.textContent = JSON.stringify(found, null, 1);
    return firstValueFrom(leaf.request(report, found));
  });
