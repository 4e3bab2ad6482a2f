import { randomUUID } from 'node:crypto';
import { lastValueFrom } from 'rxjs';
import { FileError, FilesReadOnlyError } from '../../files/file-error.js';
import { fileRoutes } from '../../files/file-routes.js';
import { removeFile } from '../../files/remove-file.js';
import { valueOf } from '../../files/answer.js';
import type { CopyContext } from './copy.js';

/*
 * What a dry run finds out about a host. A host that does not allow an operation refuses it for every path, so the path of the
 * question is one that does not exist, and nothing is changed.
 */

/** Checks that the host allows writing. @throws FilesReadOnlyError; errors of calls. */
export async function checkWritable({ connection, signal }: CopyContext): Promise<void> {
  const reports$ = connection.exchange(fileRoutes.write, { path: unusedName() }, () => [], { signal });
  await onlyReadOnly(async () => {
    const report = await lastValueFrom(reports$, { defaultValue: undefined });
    if (report?.kind === 'failure') valueOf({ failure: report }, '');
  });
}

/** Checks that the host allows removing. @throws FilesReadOnlyError; errors of calls. */
export async function checkRemovable({ connection, signal }: CopyContext): Promise<void> {
  await onlyReadOnly(() => lastValueFrom(removeFile(connection, unusedName(), { signal })));
}

/** Any other FileError is about the path. */
async function onlyReadOnly(ask: () => Promise<unknown>): Promise<void> {
  try {
    await ask();
  } catch (error) {
    if (error instanceof FilesReadOnlyError || !(error instanceof FileError)) throw error;
  }
}

function unusedName(): string {
  return `rxgrid-dry-run-${randomUUID()}`;
}
