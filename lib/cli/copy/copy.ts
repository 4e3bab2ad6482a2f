import type { Connection } from '../../contract/connection.js';
import type { Report } from './report.js';
import type { Throttle } from './throttle.js';

/** The options of a copy. */
export interface CopyOptions {
  readonly recursive: boolean;
  /** Continue an interrupted copy, and keep what an interruption leaves. */
  readonly resume: boolean;
  /** Check a SHA-256 before a file gets its name. */
  readonly verify: boolean;
  readonly fsync: boolean;
  /** Symbolic links in folders are left out, or the files that they lead to are copied. */
  readonly links: 'skip' | 'follow';
  /** True: name the files that would be copied, and copy none. */
  readonly dryRun: boolean;
  /** True for a path, relative to the source, that is left out. Undefined: none is. */
  readonly excludes: ((path: string) => boolean) | undefined;
  /** Keep permission bits exactly, and the attributes of folders. */
  readonly preserve: boolean;
  /** Remove from the target what is not in the source. */
  readonly delete: boolean;
  /** Streams of files at once. */
  readonly parallel: number;
  /** Entries of a listing of the host, at most. */
  readonly maxEntries: number;
}

/** The environment of a copy. */
export interface CopyContext {
  readonly connection: Connection;
  readonly options: CopyOptions;
  readonly report: Report;
  /** Aborts when the user interrupts; its reason is the error. */
  readonly signal: AbortSignal;
  /** Limits the bytes per second. */
  readonly throttle?: Throttle | undefined;
  /**
   * The target path, once it is decided: a later attempt must not decide differently because of what the first one
   * made.
   */
  readonly decided: { target?: string };
}

/** For files of at least this size, it is worth asking for the bytes that an earlier copy has left. */
export const resumableBytes = 1 << 20;

/** True for the same size and time. On the wire, times are whole milliseconds. */
export function isSame(
  one: { readonly size: number; readonly mtime: number } | undefined,
  other: { readonly size: number; readonly mtime: number },
): boolean {
  return one?.size === other.size && Math.floor(one.mtime) === Math.floor(other.mtime);
}
