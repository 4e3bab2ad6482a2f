import { randomUUID } from 'node:crypto';
import { lastValueFrom } from 'rxjs';
import { valueOf } from '../../files/answer.js';
import { FileError, FilesReadOnlyError } from '../../files/file-error.js';
import { fileRoutes } from '../../files/file-routes.js';
import { notRemovable, notWritable } from '../../files/refusals.js';
import { removeFile } from '../../files/remove-file.js';
import type { CopyContext } from './copy.js';

/*
 * Finds out, for a dry run, which operations a host allows. A host that does not allow an operation refuses it for
 * every path, so the host is asked for a path that does not exist, and nothing is changed. The error names `target`,
 * the path of the user.
 */

/** Checks that the host allows writing. @throws FilesReadOnlyError; errors of calls. */
export async function checkWritable({ connection, signal }: CopyContext, target: string): Promise<void> {
  const reports$ = connection.exchange(fileRoutes.write, { path: unusedName() }, () => [], { signal });
  const isRefused = await refuses(async () => {
    const report = await lastValueFrom(reports$, { defaultValue: undefined });
    if (report?.kind === 'failure') valueOf({ failure: report }, '');
  });
  if (isRefused) throw notWritable(target);
}

/** Checks that the host allows removing. @throws FilesReadOnlyError; errors of calls. */
export async function checkRemovable({ connection, signal }: CopyContext, target: string): Promise<void> {
  if (await refuses(() => lastValueFrom(removeFile(connection, unusedName(), { signal })))) throw notRemovable(target);
}

/** True where the host refuses the operation. Any other FileError is about the path, which does not exist. */
async function refuses(operation: () => Promise<unknown>): Promise<boolean> {
  try {
    await operation();
  } catch (error) {
    if (error instanceof FilesReadOnlyError) return true;
    if (!(error instanceof FileError)) throw error;
  }
  return false;
}

function unusedName(): string {
  return `rxgrid-dry-run-${randomUUID()}`;
}
