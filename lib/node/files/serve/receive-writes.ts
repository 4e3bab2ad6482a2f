import type { Call } from '../../../contract/handler.js';
import { FileIdleError, type FileError } from '../../../files/file-error.js';
import type { FileItem } from '../../../files/file-item.js';
import type { WriteReport, WriteRequest } from '../../../files/file-routes.js';
import type { Runtime } from '../../../runtime.js';
import { FileReceiver } from '../receive/file-receiver.js';
import { stopsAll } from '../receive/receive-files.js';
import type { Reception } from '../receive/reception.js';
import { FolderReception } from '../folder/folder-reception.js';
import { IdleLimit } from './idle-limit.js';
import type { RootFolder } from '../folder/root-folder.js';
import type { SlotPool } from '../disk/slot-pool.js';
import { toFileError } from '../disk/system-error.js';
import { failureOf, WriteReports } from './write-reports.js';

/** What the handler of `files/write` works with. */
export interface WriteServer {
  readonly folder: RootFolder;
  /** Slots for open files. */
  readonly files: SlotPool;
  /** In ms. */
  readonly uploadIdleTimeout: number;
  readonly runtime: Runtime;
}

/** Writes the received files, and reports failures and the newest figures. */
export async function* receiveWrites(
  { folder, files, uploadIdleTimeout, runtime }: WriteServer,
  request: WriteRequest,
  call: Call<FileItem>,
): AsyncGenerator<WriteReport> {
  const { path } = request;
  const reports = new WriteReports(path);
  let target: WriteTarget;
  try {
    // Without an await where none is needed: the input may begin in this turn.
    target = new WriteTarget(request, request.folder === true ? await folder.sub(path) : folder);
  } catch (error) {
    yield failureOf(toFileError(error, path));
    return;
  }
  const receiver: FileReceiver = new FileReceiver(call.input, 'files/write', {
    ...target.reception,
    slot: () => files.take(call.caller, call.signal),
    limit: {
      taken: () => {
        idle.received();
      },
      ready: () => !reports.isFull,
    },
    progressed: (_header, _written, bytes) => {
      reports.written(bytes);
    },
    done: () => {
      reports.fileDone();
    },
    failed: (error) => {
      if (request.folder !== true || stopsAll(error)) receiver.abort(error);
      else reports.failed(error);
    },
    ended: (error) => {
      if (error === undefined) for (const failure of target.finish()) reports.failed(failure);
      reports.end(error);
    },
  });
  const idle = new IdleLimit(runtime, uploadIdleTimeout, {
    // Only the silence of the peer counts, and not a wait for the disk or for a slot of this side.
    waits: () => receiver.waitsForBytes,
    expired: () => {
      const text = `No byte of the file came for ${String(uploadIdleTimeout / 1_000)} s, so the host has given it up. Send it again; uploadIdleTimeout of serveFiles sets the time.`;
      receiver.abort(new FileIdleError(text, path));
    },
  });
  receiver.start();
  try {
    yield* reports.all(receiver.resume);
  } finally {
    idle.stop();
    receiver.stop();
  }
}

/** The file or the folder that a request names. */
class WriteTarget {
  readonly #request: WriteRequest;
  readonly #root: RootFolder;
  readonly #folder: FolderReception;

  constructor(request: WriteRequest, root: RootFolder) {
    this.#request = request;
    this.#root = root;
    this.#folder = new FolderReception(root, request);
  }

  get reception(): Pick<Reception, 'name' | 'single' | 'options' | 'destinationOf' | 'makeFolder'> {
    const { path, resume = false, fsync = true, preserve = false } = this.#request;
    // The handler alone gets the items, so their memory can be reused.
    const options = { resume, fsync, preserve, reuse: true, ...(resume ? { offset: Number.MAX_SAFE_INTEGER } : {}) };
    if (this.#request.folder !== true) {
      // The request names the path; the one in the stream is ignored.
      const destinationOf: Reception['destinationOf'] = (header) => this.#folder.destinationOf({ ...header, path });
      return { name: () => path, single: true, options, destinationOf };
    }
    return {
      name: (header) => header.path,
      single: false,
      options,
      destinationOf: (header) => this.#folder.destinationOf(header),
      makeFolder: (header) => this.#folder.makeFolder(header),
    };
  }

  /** All files are written: gives folders their attributes. The result is what failed. */
  finish(): FileError[] {
    const { path, preserve, mode, mtime } = this.#request;
    const failures = this.#folder.finish();
    if (this.#request.folder !== true || preserve !== true) return failures;
    try {
      this.#root.setFolderAttributes(this.#root.path, path, { mode, mtime });
    } catch (error) {
      failures.push(toFileError(error, path));
    }
    return failures;
  }
}
