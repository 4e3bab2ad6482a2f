import { concat, defer, EMPTY, map, mergeMap, Observable, tap, throwError, type OperatorFunction } from 'rxjs';
import { ConfigurationError, ProtocolError } from '../errors.js';
import { isFeedSource } from '../flow/feed.js';
import { foreignObservableHint } from '../flow/foreign-observable.js';
import type { RegionItem } from '../codec/region-item.js';
import { isBytes } from '../codec/codec.js';
import type { Connection, Input } from '../contract/connection.js';
import type { CallOptions } from '../contract/options.js';
import { FileCorruptError, fileErrorOf, type FileError } from './file-error.js';
import type { FileItem } from './file-item.js';
import { peerName } from './peer-path.js';
import { FileRegion } from './file-region.js';
import { fileRoutes, type Answer, type FileInfo, type WantedFile, type WriteRequest } from './file-routes.js';

/** Bytes of a data item that is cut from a Blob or an array. */
const sliceBytes = 256 << 10;

/** What to read of a file: see {@link WantedFile}. */
export type ReadFileOptions = Omit<WantedFile, 'path' | 'as' | 'recursive'> & CallOptions;

/** How to write a file: see {@link WriteRequest}. */
export type WriteFileOptions = Omit<WriteRequest, 'path' | 'folder'> & CallOptions;

/** What `writeFile` emits. */
export interface WriteProgress {
  /** The path at the other host. */
  readonly path: string;
  /** Bytes that the other host has written. */
  readonly written: number;
}

/** What `writeFile` sends: bytes, a Blob or a File, the region of a file, or the items of a stream of one file. */
export type FileSource = Uint8Array | Blob | FileRegion | Input<FileItem | RegionItem>;

/**
 * What is known about a file or a folder of a host that serves files.
 *
 * Errors: {@link FileError}; those of a call.
 */
export function statFile(connection: Connection, path: string, options?: CallOptions): Observable<FileInfo> {
  return connection.request(fileRoutes.stat, { path }, options).pipe(
    map((answer) => {
      const { info } = valueOf(answer, path);
      if (info === undefined) throw new ProtocolError('The answer of files/stat has no info.');
      return info;
    }),
  );
}

/** How to list a folder. */
export interface ListFilesOptions extends CallOptions {
  /** True: also what is in its folders, and so on. Default false. */
  readonly recursive?: boolean;
  /**
   * Called for each folder within that the host cannot list; the listing is then complete without what is in it. Default:
   * the listing goes on too, and errors at its end with the first of these.
   */
  readonly unreadable?: (error: FileError) => void;
}

/**
 * What is in a folder of a host that serves files; with `recursive` also what is in its folders. In no certain order.
 *
 * Errors: {@link FileError}: where the folder cannot be listed; where one within cannot be, at the end; where the host
 * lists a path that leads out of the folder. Those of a call.
 */
export function listFiles(
  connection: Connection,
  path: string,
  { recursive = false, unreadable, ...options }: ListFilesOptions = {},
): Observable<FileInfo> {
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

/** An entry of a listing, or a folder within that the host cannot list. */
export type ListedEntry = { readonly info: FileInfo } | { readonly failure: FileError };

/** As {@link listFiles}, with what cannot be listed among the entries. */
export function listEntries(
  connection: Connection,
  path: string,
  { recursive = false, ...options }: Omit<ListFilesOptions, 'unreadable'> = {},
): Observable<ListedEntry> {
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
      // Whoever lists may be hostile, and whoever asks may join the path to one of its own.
      peerName('info' in entry ? entry.info.path : entry.failure.path);
    }),
  );
}

/**
 * Reads a file of a host that serves files. Emits the items of a stream of one file: give them to `receiveFile`, or take
 * the bytes with {@link fileBytes}. The bytes of an item are a view into the received message.
 *
 * Errors: {@link FileError}; those of a call.
 *
 * @example
 * readFile(host2, 'disk1/part.1', { hash: 'sha256' }).pipe(receiveFile('/tmp/part.1')).subscribe(draw);
 */
export function readFile(
  connection: Connection,
  path: string,
  { offset, length, have, hash, ...options }: ReadFileOptions = {},
): Observable<FileItem> {
  const wanted: WantedFile = {
    path,
    ...(offset === undefined ? {} : { offset }),
    ...(length === undefined ? {} : { length }),
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
 * Writes a file of a host that serves files with `writable: true`. There is the whole file under its name, or nothing of
 * it. Emits what the other host has written; completes when the file has its name.
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
  { resume = false, fsync = true, ...options }: WriteFileOptions = {},
): Observable<WriteProgress> {
  const input = (): ReturnType<Extract<Input<FileItem | RegionItem>, () => unknown>> => {
    if (isBytes(source) || source instanceof Blob) return itemsOf(path, source);
    if (source instanceof FileRegion) return [source];
    const items = typeof source === 'function' ? source() : source;
    if (isFeedSource(items)) return items;
    throw new ConfigurationError(
      `The source of writeFile must be a Uint8Array, a Blob, a file region, or the items of a file.${foreignObservableHint(items)}`,
    );
  };
  return connection.exchange(fileRoutes.write, { path, resume, fsync }, input, options).pipe(
    map((report) => {
      if (report.kind === 'failure') throw fileErrorOf(report, path);
      return { path, written: report.bytes };
    }),
  );
}

/**
 * The bytes of a stream of one file, checked for their length. They are views into received messages: copy what you keep.
 *
 * Errors: those of the source; {@link FileError} for an item `error`; FileCorruptError where the stream is not that of one
 * whole file.
 */
export function fileBytes(): OperatorFunction<FileItem, Uint8Array> {
  return (source) =>
    new Observable((subscriber) => {
      let path = '';
      // Undefined before the header and after the end.
      let left: number | undefined;
      let begun = false;
      const corrupt = (what: string): void => {
        subscriber.error(new FileCorruptError(`${what}. Read the file again.`, path));
      };
      return source.subscribe({
        next: (item) => {
          switch (item.kind) {
            case 'header':
              if (begun) corrupt('A second file follows in a stream that is to be one');
              begun = true;
              ({ path, length: left } = item);
              return;
            case 'data':
              if (left === undefined || item.bytes.length > left) {
                corrupt(`${String(item.bytes.length)} bytes came where ${String(left ?? 0)} were left`);
                return;
              }
              left -= item.bytes.length;
              subscriber.next(item.bytes);
              return;
            case 'end':
              if (left === 0) left = undefined;
              else corrupt(`The file ended where ${String(left ?? 0)} bytes were left`);
              return;
            case 'pack':
              corrupt('A pack of files came where one was to come');
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
          else corrupt('The stream broke off before the end of the file');
        },
      });
    });
}

/** The items of one file from memory, or from where a Blob has it. */
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

function valueOf<T>(answer: Answer<T>, path: string): T {
  if ('failure' in answer) throw fileErrorOf(answer.failure, path);
  return answer.value;
}
