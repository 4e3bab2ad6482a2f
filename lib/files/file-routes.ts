import { duplex, unary } from '../contract/contract.js';
import { fileItems } from './file-codec.js';
import type { FailureMessage } from './file-error.js';
import {
  count,
  flag,
  listOf,
  oneOf,
  optional,
  record,
  sha256,
  shapeOf,
  text,
  time,
  type Check,
} from './file-shapes.js';
import { maxListedEntries } from '../limits.js';

/** What is known about a file or a folder. */
export interface FileInfo {
  /** Relative to what was asked for, with slashes; empty for that itself. */
  readonly path: string;
  /** `other`: a symbolic link, a device, a FIFO or a socket, which are not served. */
  readonly type: 'file' | 'folder' | 'other';
  /** Bytes; 0 for what is no file. */
  readonly size: number;
  /** Time of the last change, in ms since the epoch. */
  readonly mtime: number;
  /** Permission bits. */
  readonly mode: number;
}

/** The beginning of a file that one side has already. */
export interface FilePart {
  /** Bytes from the start of the file. */
  readonly length: number;
  /** SHA-256 of these bytes. */
  readonly sha256: Uint8Array;
}

/** One file, or one folder with all that is in it, that somebody wants to read. */
export interface WantedFile {
  /** Relative to the folder that is served, with slashes. */
  readonly path: string;
  /** Its path in the stream. Default: `path`, and with `recursive` none: paths are relative to the folder. */
  readonly as?: string;
  /** True: all files of this folder, and of those in it; their paths in the stream are relative to it, behind `as`. Default false. */
  readonly recursive?: boolean;
  /** First byte. Default 0. */
  readonly offset?: number;
  /** Bytes. Default: to the end. */
  readonly length?: number;
  /**
   * True: the file may grow while it is sent, as a log does, and the part that is asked for is not changed by that. Default
   * false: a file that is written to while it is sent fails with FileChangedError.
   */
  readonly growing?: boolean;
  /** What is there already. Where it is the beginning of the file, the rest is sent; else all of it. */
  readonly have?: FilePart;
  /** Hash that comes with the end. Default none. */
  readonly hash?: 'sha256';
}

/** Where files are to be written. */
export interface WriteRequest {
  /** A file, or with `folder` the folder that the paths of the stream are relative to. Folders on the way are made. */
  readonly path: string;
  /** Default false: the stream is one file, and its path there does not count. */
  readonly folder?: boolean;
  /** True: what came before a failure is kept, and can be continued. Default false. */
  readonly resume?: boolean;
  /** False: files are not forced to the disk, so a power cut may lose them. Default true. */
  readonly fsync?: boolean;
}

/** What a writer is told. */
export type WriteReport =
  /** So much is written, of all files together. */
  | { readonly kind: 'progress'; readonly files: number; readonly bytes: number }
  /** This file is not; an empty path: all that was to come is not. */
  | ({ readonly kind: 'failure'; readonly path: string } & FailureMessage);

/** An answer, or why there is none: the protocol itself carries no codes. */
export type Answer<T> = { readonly value: T } | { readonly failure: FailureMessage };

/** What `stat` is asked. */
export interface StatRequest {
  readonly path: string;
  /** True: the part of a file whose transfer broke off, with its hash. Default false. */
  readonly partial?: boolean;
}

/** What `stat` tells. */
export interface StatAnswer {
  /** Undefined where there is no such file, and a part was asked for. */
  readonly info?: FileInfo;
  /** Where it was asked for and there is one. */
  readonly part?: FilePart;
}

/** What `list` is asked. */
export interface ListRequest {
  readonly path: string;
  /** Default false: the entries of this folder alone. */
  readonly recursive?: boolean;
  /** True: entries come in lists of up to 64, which takes a tenth of the time. Default false: one by one. */
  readonly batches?: boolean;
  /** True: a folder within that cannot be listed is named in a batch, and the listing goes on. Default false: it ends there. */
  readonly failures?: boolean;
}

/** Some entries of a listing. */
export interface ListBatch {
  readonly values: readonly FileInfo[];
  /** Where they are asked for: folders that cannot be listed, by their path in the listing. */
  readonly failures?: readonly ListFailure[];
}

/** Why a folder of a listing cannot be listed. */
export interface ListFailure extends FailureMessage {
  readonly path: string;
}

/** The id of all routes for files: contracts of users cannot have it. */
const reserved = { id: 240 } as const;

const progressReport = record({ kind: oneOf('progress'), files: count, bytes: count });
const failureReport = record({ kind: oneOf('failure'), path: text, code: text, message: text });
const failure = record({ code: text, message: text });
const listFailure = record({ path: text, code: text, message: text });
const part = record({ length: count, sha256 });
const info = record({ path: text, type: oneOf('file', 'folder', 'other'), size: count, mtime: time, mode: count });

const stat = unary({
  name: 'files',
  subroute: 'stat',
  request: shapeOf<StatRequest>(record({ path: text, partial: optional(flag) })),
  response: shapeOf<Answer<StatAnswer>>(
    answer({ value: optional(record({ info: optional(info), part: optional(part) })) }),
  ),
  idempotent: true,
});
const list = duplex({
  name: 'files',
  subroute: 'list',
  request: shapeOf<ListRequest>(
    record({ path: text, recursive: optional(flag), batches: optional(flag), failures: optional(flag) }),
  ),
  output: shapeOf<Answer<FileInfo> | ListBatch>(
    answer({
      value: optional(info),
      values: optional(listOf(info, maxListedEntries)),
      failures: optional(listOf(listFailure, maxListedEntries)),
    }),
  ),
  idempotent: true,
});
const read = duplex({
  name: 'files',
  subroute: 'read',
  input: shapeOf<WantedFile>(
    record({
      path: text,
      as: optional(text),
      recursive: optional(flag),
      offset: optional(count),
      length: optional(count),
      growing: optional(flag),
      have: optional(part),
      // One that is not known fails its file alone: a caller may be of a later version.
      hash: optional(text),
    }),
  ),
  output: fileItems,
  idempotent: true,
});
const write = duplex({
  name: 'files',
  subroute: 'write',
  request: shapeOf<WriteRequest>(
    record({ path: text, folder: optional(flag), resume: optional(flag), fsync: optional(flag) }),
  ),
  input: fileItems,
  output: shapeOf<WriteReport>(report),
});

/** A failure, or one of some other fields. */
function answer(fields: Readonly<Record<string, Check>>): Check {
  const check = record({ failure: optional(failure), ...fields });
  const names = ['failure', ...Object.keys(fields)];
  return (value) =>
    check(value) ??
    (names.some((name) => name in (value as object)) ? undefined : `it has none of ${names.join(', ')}`);
}

function report(value: unknown): string | undefined {
  const isFailure = (value as { readonly kind?: unknown } | null | undefined)?.kind === 'failure';
  return (isFailure ? failureReport : progressReport)(value);
}

/**
 * The contracts of the ready-made routes for files, which `serveFiles` answers. A host that names the routes of its leaves
 * lists the ones that they may call: `leaves: { routes: [fileRoutes.stat, fileRoutes.list, fileRoutes.read] }`.
 */
export const fileRoutes = {
  /** What is known about a file or a folder. */
  stat: { ...stat, ...reserved },
  /** What is in a folder. */
  list: { ...list, ...reserved },
  /** Files, in the order in which they are asked for, in one stream. */
  read: { ...read, ...reserved },
  /** Files to be written, in one stream. */
  write: { ...write, ...reserved },
} as const;
