import { duplex, unary } from '../contract/contract.js';
import { reservedIds } from '../contract/reserved-ids.js';
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
import { maxListedEntries } from '../bounds.js';

/** A file or a folder of a host. */
export interface FileInfo {
  /** Relative to the requested path, with slashes; empty for that path itself. */
  readonly path: string;
  /** `other`: a symbolic link, a device, a FIFO or a socket; these are not served. */
  readonly type: 'file' | 'folder' | 'other';
  /** Bytes of a file; else 0. */
  readonly size: number;
  /** Time of the last change, in ms since the epoch. */
  readonly mtime: number;
  /** Permission bits. */
  readonly mode: number;
}

/** The beginning of a file, which one side has already. */
export interface FilePart {
  /** Bytes from the start of the file. */
  readonly length: number;
  /** SHA-256 of these bytes. */
  readonly sha256: Uint8Array;
}

/** A request for one file, or for one folder with all that is in it. */
export interface WantedFile {
  /** Relative to the served folder, with slashes. */
  readonly path: string;
  /** The path of the file in the stream. Default: `path`. With `recursive`, a prefix of all paths; default: none. */
  readonly as?: string;
  /**
   * True: all files of this folder and of the folders below it; their paths in the stream are relative to it. Default
   * false.
   */
  readonly recursive?: boolean;
  /**
   * True, with `recursive`: the stream has a header with the permission bits and the time of each folder. Default
   * false: it has headers of empty folders only. A host of an earlier version ignores it.
   */
  readonly folders?: boolean;
  /** First byte. Default 0. */
  readonly offset?: number;
  /** Bytes. Default: to the end. */
  readonly length?: number;
  /**
   * True: the file may grow while it is sent, as a log does; bytes that are appended do not count as a change. Default
   * false: a file that is written to while it is sent fails with FileChangedError.
   */
  readonly growing?: boolean;
  /** The bytes that the caller has. Where they are the beginning of the file, the rest is sent; else all of it. */
  readonly have?: FilePart | undefined;
  /** The hash that the end of the file carries. Default none. */
  readonly hash?: 'sha256';
}

/** Where and how files are to be written. */
export interface WriteRequest {
  /** A file, or with `folder` the folder that the paths of the stream are relative to. Missing folders are made. */
  readonly path: string;
  /** True: the stream is of many files. Default false: it is of one file, whose path in the stream does not count. */
  readonly folder?: boolean;
  /** True: the bytes that came before a failure are kept, and can be continued. Default false. */
  readonly resume?: boolean;
  /** False: files are not forced to the disk, so a power cut may lose them. Default true. */
  readonly fsync?: boolean;
  /**
   * True: files get the permission bits of the stream exactly, and folders those and the times of the stream. Default
   * false: the umask of the host takes its share, and folders are as new ones. A host of an earlier version ignores it.
   */
  readonly preserve?: boolean;
  /** With `folder` and `preserve`: the permission bits of the folder itself. */
  readonly mode?: number;
  /** With `folder` and `preserve`: the time of the folder itself, in ms since the epoch. */
  readonly mtime?: number;
}

/** What the handler of `files/write` reports. */
export type WriteReport =
  /** The files and bytes written so far. */
  | { readonly kind: 'progress'; readonly files: number; readonly bytes: number }
  /** A file could not be written. An empty path: the whole transfer has failed. */
  | ({ readonly kind: 'failure'; readonly path: string } & FailureMessage);

/** A value, or why there is none. The errors of the protocol itself carry no codes. */
export type Answer<T> = { readonly value: T } | { readonly failure: FailureMessage };

/** The request of `files/stat`. */
export interface StatRequest {
  readonly path: string;
  /** True: also the part that an interrupted transfer of the file has left, with its hash. Default false. */
  readonly partial?: boolean;
}

/** The answer of `files/stat`. */
export interface StatAnswer {
  /** Undefined where there is no such file and `partial` was given. */
  readonly info?: FileInfo;
  /** The part, where `partial` was given and there is one. */
  readonly part?: FilePart;
}

/** The request of `files/list`. */
export interface ListRequest {
  readonly path: string;
  /** True: also the entries of the folders below. Default false. */
  readonly recursive?: boolean;
  /** True: entries come in batches of up to 64, which takes a tenth of the time. Default false: one by one. */
  readonly batches?: boolean;
  /** True: an inner folder that cannot be listed is reported in a batch. Default false: the listing fails there. */
  readonly failures?: boolean;
}

/** Some entries of a listing. */
export interface ListBatch {
  readonly values: readonly FileInfo[];
  /** With `failures` of the request: folders that cannot be listed, by their paths in the listing. */
  readonly failures?: readonly ListFailure[];
}

/** Why a folder of a listing cannot be listed. */
export interface ListFailure extends FailureMessage {
  readonly path: string;
}

/** The request of `files/remove`. */
export interface RemoveRequest {
  readonly path: string;
  /** True: a folder is removed with all that is in it. Default false: only an empty folder is removed. */
  readonly recursive?: boolean;
}

/** The answer of `files/remove`, given repeatedly while a large folder is being removed. */
export interface RemoveAnswer {
  /** Entries removed so far. */
  readonly removed: number;
}

/** The handler id of all routes for files, which contracts of users cannot have. */
const reserved = { id: reservedIds.files } as const;

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
      folders: optional(flag),
      growing: optional(flag),
      have: optional(part),
      // Any text: a hash that this version does not know fails its file alone.
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
    record({
      path: text,
      folder: optional(flag),
      resume: optional(flag),
      fsync: optional(flag),
      preserve: optional(flag),
      mode: optional(count),
      mtime: optional(time),
    }),
  ),
  input: fileItems,
  output: shapeOf<WriteReport>(report),
});

const remove = duplex({
  name: 'files',
  subroute: 'remove',
  request: shapeOf<RemoveRequest>(record({ path: text, recursive: optional(flag) })),
  output: shapeOf<Answer<RemoveAnswer>>(answer({ value: optional(record({ removed: count })) })),
});

/** A record with a failure, or with at least one of some other fields. */
function answer(fields: Readonly<Record<string, Check>>): Check {
  const check = record({ failure: optional(failure), ...fields });
  const names = ['failure', ...Object.keys(fields)];
  return (value) =>
    check(value) ?? (names.some((name) => name in (value as object)) ? undefined : `it has no ${names.join(', ')}`);
}

function report(value: unknown): string | undefined {
  const isFailure = (value as { readonly kind?: unknown } | null | undefined)?.kind === 'failure';
  return (isFailure ? failureReport : progressReport)(value);
}

/**
 * The contracts of the routes that `serveFiles` handles. A host whose leaves may call only some routes lists these
 * among them: `leaves: { routes: [fileRoutes.stat, fileRoutes.list, fileRoutes.read] }`.
 */
export const fileRoutes = {
  /** Describes a file or a folder. */
  stat: { ...stat, ...reserved },
  /** Lists a folder. */
  list: { ...list, ...reserved },
  /** Sends files in one stream, in the order of the requests. */
  read: { ...read, ...reserved },
  /** Writes the files of one stream. */
  write: { ...write, ...reserved },
  /** Removes a file or a folder. */
  remove: { ...remove, ...reserved },
} as const;
