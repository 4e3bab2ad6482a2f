import type { FileError } from '../files/file-error.js';
import type { Connection } from '../contract/connection.js';
import type { ProgressBar } from './progress-bar.js';

/** What the user asked for. */
export interface CopyOptions {
  readonly recursive: boolean;
  /** Continue what broke off, and keep what breaks off. */
  readonly resume: boolean;
  /** Check a SHA-256 before a file gets its name. */
  readonly verify: boolean;
  readonly fsync: boolean;
}

/** What a copy works with. */
export interface CopyContext {
  readonly connection: Connection;
  readonly options: CopyOptions;
  readonly bar: ProgressBar;
  /** Aborts when the user interrupts. */
  readonly signal: AbortSignal;
  /** Tells the user of a file that is not copied; the others are. */
  readonly failed: (error: FileError) => void;
  /** Tells the user what is left out, which is no failure. */
  readonly skipped: (text: string) => void;
}

/** A larger file is worth asking what is there of it. */
export const resumableBytes = 1 << 20;

/** The last part of a path with slashes. */
export function lastName(path: string): string {
  return path.replace(/\/+$/, '').split('/').at(-1) ?? '';
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
