import { randomUUID } from 'node:crypto';
import { lastValueFrom } from 'rxjs';
import { FileError, FilesReadOnlyError } from '../../files/file-error.js';
import { fileRoutes } from '../../files/file-routes.js';
import { removeFile } from '../../files/remove-file.js';
import { valueOf } from '../../files/answer.js';
import { quoted } from '../../files/peer-path.js';
import type { CopyContext } from './copy.js';

/*
 * What a dry run finds out about a host. A host that does not allow an operation refuses it for every path, so the path of the
 * question is one that does not exist, and nothing is changed. `target` names the path in errors.
 */

/** Checks that the host allows writing. @throws FilesReadOnlyError; errors of calls. */
export async function checkWritable({ connection, signal }: CopyContext, target: string): Promise<void> {
  const path = unusedName();
  const reports$ = connection.exchange(fileRoutes.write, { path }, () => [], { signal });
  await onlyReadOnly(target, path, async () => {
    const report = await lastValueFrom(reports$, { defaultValue: undefined });
    if (report?.kind === 'failure') valueOf({ failure: report }, '');
  });
}

/** Checks that the host allows removing. @throws FilesReadOnlyError; errors of calls. */
export async function checkRemovable({ connection, signal }: CopyContext, target: string): Promise<void> {
  const path = unusedName();
  await onlyReadOnly(target, path, () => lastValueFrom(removeFile(connection, path, { signal })));
}

/** Any other FileError is about the path that does not exist. */
async function onlyReadOnly(target: string, unused: string, ask: () => Promise<unknown>): Promise<void> {
  try {
    await ask();
  } catch (error) {
    if (error instanceof FilesReadOnlyError) {
      throw new FilesReadOnlyError(error.message.replace(quoted(unused), quoted(target)), target);
    }
    if (!(error instanceof FileError)) throw error;
  }
}

function unusedName(): string {
  return `rxgrid-dry-run-${randomUUID()}`;
}
