import { concat, defer, EMPTY, map, mergeMap, Observable, tap, throwError, type OperatorFunction } from 'rxjs';
import { checkOption, whole } from '../check.js';
import { ConfigurationError, ProtocolError } from '../errors.js';
import { maxListingEntries } from '../limits.js';
import { isFeedSource } from '../flow/feed/feed.js';
import { foreignObservableHint } from '../flow/foreign-observable.js';
import type { RegionItem } from '../codec/region-item.js';
import { isBytes } from '../codec/codec.js';
import type { Connection, Input } from '../contract/connection.js';
import { checkOwnOptions, type CallOptions } from '../contract/options.js';
import { FileCorruptError, fileErrorOf, FileIoError, type FileError } from './file-error.js';
import type { FileItem } from './file-item.js';
import { valueOf } from './answer.js';
import { peerName, quoted } from './peer-path.js';
import { FileRegion } from './file-region.js';
import { fileRoutes, type FileInfo, type WantedFile, type WriteRequest } from './file-routes.js';

/** Bytes of a data item of a Blob or an array. */
const sliceBytes = 256 << 10;
const maxEntriesRule = whole(1);

/** What to read of a file: see {@link WantedFile}. */
export type ReadFileOptions = Omit<WantedFile, 'path' | 'as' | 'recursive' | 'folders'> & CallOptions;

/** How to write a file: see {@link WriteRequest}. */
export type WriteFileOptions = Omit<WriteRequest, 'path' | 'folder' | 'mode' | 'mtime'> & CallOptions;

/** What `writeFile` emits. */
export interface WriteProgress {
  /** The path at the host. */
  readonly path: string;
  /** Bytes that the host has written. */
  readonly written: number;
}

/** What `writeFile` sends: bytes, a Blob or a File, the region of a file, or the items of a stream of one file. */
export type FileSource = Uint8Array | Blob | FileRegion | Input<FileItem | RegionItem>;

/**
 * Describes a file or a folder of a host that serves files.
 *
 * Errors: {@link FileError}; those of a call.
 */
export function statFile(connection: Connection, path: string, options?: CallOptions): Observable<FileInfo> {
  return connection.request(fileRoutes.stat, { path }, options).pipe(
    map((answer) => {
      const { info } = valueOf(answer, path);
      if (info === undefined)
        throw new ProtocolError('The answer of files/stat has no info, which was not optional in this request.');
      return info;
    }),
  );
}

/** How to list a folder. */
export interface ListFilesOptions extends CallOptions {
  /** True: also what is in the folders below. Default false. */
  readonly recursive?: boolean;
  /**
   * Called for each inner folder that the host cannot list, and for each name that is not UTF-8. Default: the listing
   * goes on, and errors at its end with the first of these failures.
   */
  readonly unreadable?: (error: FileError) => void;
  /**
   * Entries after which the listing fails with FileIoError, because a hostile host could list without end. Default
   * 10 000 000.
   */
  readonly maxEntries?: number;
}

/**
 * Lists a folder of a host that serves files, in no particular order.
 *
 * Errors: {@link FileError} where the folder cannot be listed; at the end, where an inner folder cannot be, or has a
 * name that is not UTF-8; where the host lists a path that leads out of the folder; where it lists too many entries.
 * Those of a call.
 */
export function listFiles(connection: Connection, path: string, given: ListFilesOptions = {}): Observable<FileInfo> {
  checkOwnOptions(given, ['recursive', 'unreadable', 'maxEntries'], 'listFiles');
  const { recursive = false, unreadable, ...options } = given;
  return defer(() => {
    let first: FileError | undefined;
    const failed = unreadable ?? ((error: FileError) => (first ??= error));
    const infos$ = listEntries(connection, path, { ...options, recursive }).pipe(
      mergeMap((entry) => {
        if ('info' in entry) return [entry.info];
        failed(entry.failure);
        return [];
      }),
    );
    return concat(
      infos$,
      defer(() => (first === undefined ? EMPTY : throwError(() => first))),
    );
  });
}

/** An entry of a listing, or an inner folder or a name that the host cannot list. */
export type ListedEntry = { readonly info: FileInfo } | { readonly failure: FileError };

/** {@link listFiles}, with the failures among the entries. */
export function listEntries(
  connection: Connection,
  path: string,
  { recursive = false, maxEntries = maxListingEntries, ...options }: Omit<ListFilesOptions, 'unreadable'> = {},
): Observable<ListedEntry> {
  checkOption('listFiles: maxEntries', maxEntries, maxEntriesRule);
  // A host of an earlier version does not know batches, and sends its entries one by one.
  return connection.stream(fileRoutes.list, { path, recursive, batches: true, failures: true }, options).pipe(
    mergeMap((answer): readonly ListedEntry[] => {
      if (!('values' in answer)) return [{ info: valueOf(answer, path) }];
      const failures = answer.failures ?? [];
      return [
        ...answer.values.map((info) => ({ info })),
        ...failures.map((failure) => ({ failure: fileErrorOf(failure, failure.path) })),
      ];
    }),
    tap((entry) => {
      // The host may be hostile, and the caller may join the path to one of its own.
      peerName('info' in entry ? entry.info.path : entry.failure.path);
    }),
    map((entry, index) => {
      if (index < maxEntries) return entry;
      throw new FileIoError(
        `The host lists more than ${String(maxEntries)} entries in ${quoted(path)}, which is the limit. Raise maxEntries, if the folder has so many.`,
        path,
      );
    }),
  );
}

/**
 * Reads a file of a host that serves files. Emits the items of a stream of one file, which `receiveFile` writes and
 * {@link fileBytes} turns into bytes. The bytes of an item are a view into the received message.
 *
 * Errors: {@link FileError}; those of a call.
 *
 * @example
 * readFile(host2, 'disk1/part.1', { hash: 'sha256' }).pipe(receiveFile('/tmp/part.1')).subscribe(draw);
 */
export function readFile(connection: Connection, path: string, given: ReadFileOptions = {}): Observable<FileItem> {
  checkOwnOptions(given, ['offset', 'length', 'growing', 'have', 'hash'], 'readFile');
  const { offset, length, growing, have, hash, ...options } = given;
  const wanted: WantedFile = {
    path,
    ...(offset === undefined ? {} : { offset }),
    ...(length === undefined ? {} : { length }),
    ...(growing === undefined ? {} : { growing }),
    ...(have === undefined ? {} : { have }),
    ...(hash === undefined ? {} : { hash }),
  };
  return connection.exchange(fileRoutes.read, undefined, [wanted], options).pipe(
    map((item) => {
      if (item.kind === 'error') throw fileErrorOf(item, path);
      return item;
    }),
  );
}

/**
 * Writes a file at a host that serves files with `writable: true`. Under the name there is always the whole file or
 * nothing of it. Emits the progress of the host; completes when the file has its name.
 *
 * Errors: {@link FileError}; those of a call.
 *
 * @example
 * writeFile(host2, 'inbox/part.1', fileRegion('disk1/part.1', { hash: 'sha256' })).subscribe(draw);
 */
export function writeFile(
  connection: Connection,
  path: string,
  source: FileSource,
  given: WriteFileOptions = {},
): Observable<WriteProgress> {
  checkOwnOptions(given, ['resume', 'fsync', 'preserve'], 'writeFile');
  const { resume = false, fsync = true, preserve = false, ...options } = given;
  const input = (): ReturnType<Extract<Input<FileItem | RegionItem>, () => unknown>> => {
    if (isBytes(source) || source instanceof Blob) return itemsOf(path, source);
    if (source instanceof FileRegion) return [source];
    const items = typeof source === 'function' ? source() : source;
    if (isFeedSource(items)) return items;
    throw new ConfigurationError(
      `The source of writeFile must be a Uint8Array, a Blob, a file region, or the items of a stream of one file.${foreignObservableHint(items)}`,
    );
  };
  const request: WriteRequest = { path, resume, fsync, ...(preserve ? { preserve } : {}) };
  return connection.exchange(fileRoutes.write, request, input, options).pipe(
    map((report) => {
      if (report.kind === 'failure') throw fileErrorOf(report, path);
      return { path, written: report.bytes };
    }),
  );
}

/**
 * Turns a stream of one file into its bytes, and checks their length. They are views into received messages: copy what
 * you keep.
 *
 * Errors: those of the source; {@link FileError} for an item `error`; FileCorruptError where the stream is not one of a
 * single whole file.
 */
export function fileBytes(): OperatorFunction<FileItem, Uint8Array> {
  return (source) =>
    new Observable((subscriber) => {
      let path = '';
      // Bytes left in the file; undefined before the header and after the end.
      let left: number | undefined;
      let begun = false;
      const corrupt = (what: string): void => {
        subscriber.error(new FileCorruptError(`${what}. Read the file again.`, path));
      };
      return source.subscribe({
        next: (item) => {
          switch (item.kind) {
            case 'header':
              if (begun) corrupt('A second file came where one file was expected');
              begun = true;
              ({ path, length: left } = item);
              return;
            case 'data':
              if (left === undefined || item.bytes.length > left) {
                corrupt(`${String(item.bytes.length)} bytes came where ${String(left ?? 0)} were expected`);
                return;
              }
              left -= item.bytes.length;
              subscriber.next(item.bytes);
              return;
            case 'end':
              if (left === 0) left = undefined;
              else corrupt(`The file ended ${String(left ?? 0)} bytes too early`);
              return;
            case 'pack':
              corrupt('A pack of files came where one file was expected');
              return;
            case 'error':
              subscriber.error(fileErrorOf(item, path));
          }
        },
        error: (error: unknown) => {
          subscriber.error(error);
        },
        complete: () => {
          if (begun && left === undefined) subscriber.complete();
          else corrupt('The stream ended before the end of the file');
        },
      });
    });
}

/** The items of one file whose bytes are in memory or in a Blob. */
async function* itemsOf(path: string, source: Uint8Array | Blob): AsyncGenerator<FileItem> {
  const size = isBytes(source) ? source.length : source.size;
  yield { kind: 'header', path: nameOf(path), size, offset: 0, length: size };
  for (let at = 0; at < size; at += sliceBytes) {
    const slice = source.slice(at, at + sliceBytes);
    yield { kind: 'data', bytes: isBytes(slice) ? slice : new Uint8Array(await slice.arrayBuffer()) };
  }
  yield { kind: 'end', length: size };
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1) || path;
}
