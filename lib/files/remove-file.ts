import { map, type Observable } from 'rxjs';
import type { Connection } from '../contract/connection.js';
import { checkOwnOptions, type CallOptions } from '../contract/options.js';
import { valueOf } from './answer.js';
import { fileRoutes, type RemoveRequest } from './file-routes.js';

/** How to remove a file or a folder: see {@link RemoveRequest}. */
export type RemoveFileOptions = Omit<RemoveRequest, 'path'> & CallOptions;

/** What {@link removeFile} emits. */
export interface RemoveProgress {
  /** The path at the host. */
  readonly path: string;
  /** Files, links and folders removed so far. */
  readonly removed: number;
}

/**
 * Removes a file, a symbolic link or a folder of a host that serves files with `removable: true`. A folder must be
 * empty, unless `recursive` is given. A removal that fails, or is unsubscribed, leaves what was not removed yet.
 *
 * Errors: FileError; those of a call.
 */
export function removeFile(
  connection: Connection,
  path: string,
  given: RemoveFileOptions = {},
): Observable<RemoveProgress> {
  checkOwnOptions(given, ['recursive'], 'removeFile');
  const { recursive = false, ...options } = given;
  return connection
    .stream(fileRoutes.remove, { path, recursive }, options)
    .pipe(map((answer) => ({ path, removed: valueOf(answer, path).removed })));
}
