import { getSystemErrorName } from 'node:util';
import type { Foreign } from './foreign.js';
import { loadKoffi } from './load-koffi.js';

/**
 * Calls of Linux that name a file relative to the descriptor of an open folder. Node lacks them: its calls resolve a
 * path from the beginning each time, and another process may put a symbolic link into it between two calls.
 *
 * They throw errors with a `code` and a `syscall`, as those of `node:fs`.
 */
export interface FolderCalls {
  /** Opens a file of the folder, by a name and not by a path; child processes do not inherit the descriptor. */
  open(folder: number, name: string, flags: number, mode: number): number;
  /** Renames a file within the folder. A file with the new name is replaced. */
  rename(folder: number, from: string, to: string): void;
}

const closeOnExec = 0o2000000;

/** Binds the calls of the C library. */
export function folderCallsOf(foreign: Foreign): FolderCalls {
  const library = foreign.load(null);
  // The mode is a variable argument: of 32 bits it goes where a declared one goes, on all that koffi knows but Apple's.
  const openat = library.func('int openat(int folder, const char *name, int flags, uint32_t mode)');
  const renameat = library.func('int renameat(int from, const char *old, int to, const char *name)');
  const { EINTR } = foreign.os.errno;
  const checked = (call: string, run: () => number): number => {
    for (;;) {
      const result = run();
      if (result >= 0) return result;
      const number = foreign.errno();
      if (number !== EINTR) throw systemError(call, number);
    }
  };
  return {
    open(folder, name, flags, mode) {
      checkName('openat', name);
      return checked('openat', () => openat(folder, name, flags | closeOnExec, mode));
    },
    rename(folder, from, to) {
      checkName('renameat', from);
      checkName('renameat', to);
      checked('renameat', () => renameat(folder, from, folder, to));
    },
  };
}

// A path from the root would lead out of the folder, and a name ends for C at its first NUL.
function checkName(call: string, name: string): void {
  if (!name.includes('/') && !name.includes('\0')) return;
  throw Object.assign(new Error(`${call} takes a name without a slash and without a NUL.`), {
    code: 'EINVAL',
    syscall: call,
  });
}

function systemError(call: string, number: number): Error {
  const code = getSystemErrorName(-number);
  return Object.assign(new Error(`${call} failed: ${code}`), { code, syscall: call });
}

let calls: FolderCalls | undefined;
let loading = false;

/**
 * The calls, where they are there: not on other systems, not without koffi, and not before it is loaded, for which this
 * asks.
 */
export function folderCalls(): FolderCalls | undefined {
  if (!loading && process.platform === 'linux') {
    loading = true;
    loadKoffi().then(
      (foreign) => {
        calls = folderCallsOf(foreign);
      },
      () => undefined,
    );
  }
  return calls;
}
