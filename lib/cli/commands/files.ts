import type { Command } from 'commander';
import { firstValueFrom } from 'rxjs';
import { FileConflictError, FileError } from '../../files/file-error.js';
import { statFile } from '../../files/file-client.js';
import type { FileInfo } from '../../files/file-routes.js';
import { quoted } from '../../files/peer-path.js';
import { removeFile } from '../../files/remove-file.js';
import { toAsyncIterable } from '../../operators/to-async-iterable.js';
import type { AddCommands } from '../commands.js';
import { describeConnection, type ConnectionOptions } from '../connect/connection-options.js';
import { exitCodes, Failure } from '../exit/failure.js';
import { note, print, write } from '../output/output.js';
import { failureText } from '../exit/failure-text.js';
import { joinPath, lastName } from '../paths/path-text.js';
import { jsonLine } from '../output/json-line.js';
import { describeMaxEntries } from '../paths/max-entries.js';
import { entriesOf } from '../paths/remote-folder.js';
import { onRemotePaths, type RemotePaths } from '../paths/remote-paths.js';

interface PathsOptions extends ConnectionOptions {
  readonly maxEntries: number;
}

interface ListOptions extends PathsOptions {
  readonly long?: boolean;
  readonly recursive?: boolean;
  readonly json?: boolean;
}

interface RemoveOptions extends PathsOptions {
  readonly recursive?: boolean;
  readonly force?: boolean;
  readonly verbose?: boolean;
}

const codes = `
Exit codes: 0 done, 1 failed, 2 wrong usage, 3 no connection, 4 refused (the token, or no files are served), 5 some paths
failed, 129, 130 and 143 ended by SIGHUP, SIGINT and SIGTERM, 141 the reader of standard output is gone.`;

/** Adds `rxgrid ls`, `rxgrid stat` and `rxgrid rm`. */
export const addFileCommands: AddCommands = (program, run) => {
  describePaths(program.command('ls'))
    .description('Lists folders and files of a host that serves files (serveFiles).')
    .argument('<paths...>', 'host:port:path, or context:path; "host:port:" is the served folder; globs are expanded')
    .option('-l, --long', 'kind, permission bits, size and time of each entry')
    .option('-R, --recursive', 'also the folders below')
    .option('--json', 'one line of JSON for each entry: path, type, size, mtime, mode')
    .addHelpText('after', codes)
    .action((addresses: string[], options: ListOptions) =>
      run((signal) => onRemotePaths(addresses, options, signal, (remote) => list(remote, options))),
    );
  describePaths(program.command('stat'))
    .description('Describes files and folders of a host that serves files (serveFiles).')
    .argument('<paths...>', 'host:port:path, or context:path; globs are expanded')
    .option('--json', 'one line of JSON for each path: path, type, size, mtime, mode')
    .addHelpText('after', codes)
    .action((addresses: string[], options: ListOptions) =>
      run((signal) => onRemotePaths(addresses, options, signal, (remote) => describe(remote, options))),
    );
  describePaths(program.command('rm'))
    .description('Removes files and folders of a host whose serveFiles has removable: true.')
    .argument('<paths...>', 'host:port:path, or context:path; globs are expanded')
    .option('-r, --recursive', 'folders with all that is in them')
    .option('-f, --force', 'a path that does not exist is not a failure')
    .option('-v, --verbose', 'name what was removed')
    .addHelpText('after', codes)
    .action((addresses: string[], options: RemoveOptions) =>
      run((signal) => onRemotePaths(addresses, options, signal, (remote) => remove(remote, options))),
    );
};

/** Globs make listings, too. */
function describePaths(command: Command): Command {
  return describeMaxEntries(describeConnection(command));
}

async function list(remote: RemotePaths, options: ListOptions): Promise<number> {
  const { connection, paths, signal } = remote;
  const { recursive = false } = options;
  return eachPath(paths, async (path) => {
    const info = await firstValueFrom(statFile(connection, path, { signal }));
    if (info.type !== 'folder') {
      await printEntry({ ...info, path }, options);
      return true;
    }
    let whole = true;
    const prefix = paths.length > 1 ? path : '';
    for await (const entry of entriesOf(remote, path, recursive)) {
      if ('info' in entry) await printEntry({ ...entry.info, path: joinPath(prefix, entry.info.path) }, options);
      else {
        whole = false;
        printError(entry.failure);
      }
    }
    return whole;
  });
}

async function describe({ connection, paths, signal }: RemotePaths, options: ListOptions): Promise<number> {
  return eachPath(paths, async (path) => {
    const info = await firstValueFrom(statFile(connection, path, { signal }));
    await printEntry({ ...info, path: path === '' ? '.' : path }, { ...options, long: true });
    return true;
  });
}

async function remove({ connection, paths, signal }: RemotePaths, options: RemoveOptions): Promise<number> {
  const { recursive = false, force = false, verbose = false } = options;
  return eachPath(paths, async (path) => {
    if (lastName(path) === '') {
      throw new Failure('the served folder itself cannot be removed. Name what is in it, such as host:port:path.');
    }
    let removed = 0;
    try {
      for await (const step of toAsyncIterable(removeFile(connection, path, { recursive, signal })))
        ({ removed } = step);
    } catch (error) {
      if (!(force && error instanceof FileError && error.code === 'file-not-found')) throw removalError(error, options);
    }
    if (verbose) await print(`${path}: ${String(removed)} removed`);
    return true;
  });
}

/** The error of a removal, with the option that allows it. */
function removalError(error: unknown, { recursive = false }: RemoveOptions): unknown {
  if (recursive || !(error instanceof FileConflictError)) return error;
  return new FileConflictError(
    `${quoted(error.path)} is a folder that is not empty. Give -r to remove it with all that is in it.`,
    error.path,
  );
}

/**
 * Runs `work` on each path; it returns false where a part of it has failed. The failure of one path does not end the
 * others.
 */
async function eachPath(paths: readonly string[], work: (path: string) => Promise<boolean>): Promise<number> {
  let whole = true;
  for (const path of paths) {
    try {
      if (!(await work(path))) whole = false;
    } catch (error) {
      if (paths.length === 1 || !(error instanceof FileError)) throw error;
      whole = false;
      printError(error);
    }
  }
  if (!whole) throw new Failure('', exitCodes.partly);
  return exitCodes.done;
}

const kinds = { file: '-', folder: 'd', other: '?' } as const;

async function printEntry(info: FileInfo, { long = false, json = false }: ListOptions): Promise<void> {
  const { path, type, size, mtime, mode } = info;
  if (json) {
    await write(`${jsonLine({ path, type, size, mtime, mode })}\n`);
    return;
  }
  const name = type === 'folder' ? `${path}/` : path;
  const time = Number.isFinite(mtime) && Math.abs(mtime) <= 8.64e15 ? new Date(mtime).toISOString().slice(0, 19) : '?';
  const bits = (mode & 0o777).toString(8).padStart(4, '0');
  await print(long ? `${kinds[type]} ${bits} ${String(size).padStart(14)} ${time} ${name}` : name);
}

function printError(error: unknown): void {
  note(failureText(error, false));
}
