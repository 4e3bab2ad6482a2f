import type { Connection } from '../contract/connection.js';
import type { Report } from './report.js';

/** What the user asked for. */
export interface CopyOptions {
  readonly recursive: boolean;
  /** Continue what broke off, and keep what breaks off. */
  readonly resume: boolean;
  /** Check a SHA-256 before a file gets its name. */
  readonly verify: boolean;
  readonly fsync: boolean;
  /** What becomes of symbolic links in folders: they are left out, or the files that they lead to are copied. */
  readonly links: 'skip' | 'follow';
  /** True: say which files would be copied, and copy none. */
  readonly dryRun: boolean;
  /** True for the path, relative to the source, of what is left out. Undefined: nothing is. */
  readonly excludes: ((path: string) => boolean) | undefined;
}

/** What a copy works with. */
export interface CopyContext {
  readonly connection: Connection;
  readonly options: CopyOptions;
  readonly report: Report;
  /** Aborts when the user interrupts; its reason is the error. */
  readonly signal: AbortSignal;
  /** Where the source goes, once that is decided: a second try must not decide anew because of what the first one made. */
  readonly decided: { target?: string };
}

/** A larger file is worth asking what is there of it. */
export const resumableBytes = 1 << 20;

/** The last part of a path with slashes; empty for the folder that is served, or the working folder. */
export function lastName(path: string): string {
  const name = path.replace(/\/+$/, '').split('/').at(-1) ?? '';
  return name === '.' ? '' : name;
}

/** Joins parts of a path with slashes; empty ones are left out. */
export function joinPath(...parts: string[]): string {
  return parts.filter((part) => part !== '').join('/');
}

/** Times of changes are whole ms on the way. */
export function isSame(
  one: { readonly size: number; readonly mtime: number } | undefined,
  other: { readonly size: number; readonly mtime: number },
): boolean {
  return one?.size === other.size && Math.floor(one.mtime) === Math.floor(other.mtime);
}
