import type { Call } from '../../../contract/handler.js';
import { FileIdleError, type FileError } from '../../../files/file-error.js';
import type { FileItem } from '../../../files/file-item.js';
import type { WriteReport, WriteRequest } from '../../../files/file-routes.js';
import { maxFailuresWaiting } from '../../../limits.js';
import type { Runtime } from '../../../runtime.js';
import { FileReceiver } from '../receive/file-receiver.js';
import { stopsAll } from '../receive/receive-files.js';
import { FolderReception } from './folder-reception.js';
import type { OpenFiles } from './open-files.js';
import type { RootFolder } from './root-folder.js';
import { IdleLimit } from './idle-limit.js';
import { toFileError } from './system-error.js';

/** Where files are written to. */
export interface WriteServer {
  readonly folder: RootFolder;
  readonly files: OpenFiles;
  /** In ms. */
  readonly uploadIdleTimeout: number;
  readonly runtime: Runtime;
}

/** How far a writing is. */
interface WriteState {
  files: number;
  bytes: number;
  /** True: the caller knows these figures. */
  told: boolean;
  ended: { readonly error?: unknown } | undefined;
}

/** Writes what comes, and tells how far it is: the newest figures, whenever the caller asks. */
export async function* receiveWrites(
  { folder, files, uploadIdleTimeout, runtime }: WriteServer,
  request: WriteRequest,
  call: Call<FileItem>,
): AsyncGenerator<WriteReport> {
  const { path, folder: many = false, resume = false, fsync = true } = request;
  const failures: WriteReport[] = [];
  const state: WriteState = { files: 0, bytes: 0, told: true, ended: undefined };
  let wake: () => void = nothing;
  const news = (): void => {
    state.told = false;
    wake();
  };
  let places: FolderReception;
  try {
    places = new FolderReception(many ? await folder.sub(path) : folder);
  } catch (error) {
    yield failureOf(toFileError(error, path));
    return;
  }
  const receiver: FileReceiver = new FileReceiver(call.input, 'files/write', {
    name: (header) => (many ? header.path : path),
    single: !many,
    options: { resume, fsync, ...(resume ? { offset: Number.MAX_SAFE_INTEGER } : {}) },
    place: (header) => places.place(many ? header : { ...header, path }),
    ...(many ? { makeFolder: (header) => places.makeFolder(header) } : {}),
    slot: () => files.take(call.caller, call.signal),
    taken: () => {
      idle.heard();
    },
    ready: () => failures.length < maxFailuresWaiting,
    progressed: (_, _written, more) => {
      state.bytes += more;
      news();
    },
    done: () => {
      state.files++;
      news();
    },
    failed: (error) => {
      if (!many || stopsAll(error)) receiver.abort(error);
      else {
        failures.push(failureOf(error));
        wake();
      }
    },
    ended: (error) => {
      state.ended = { error };
      wake();
    },
  });
  const idle = new IdleLimit(runtime, uploadIdleTimeout, {
    // Only the other side's silence counts: not a wait for this side's disk, or for a slot.
    waits: () => receiver.waitsForBytes,
    expired: () => {
      const text = `Nothing came of the file for ${String(uploadIdleTimeout / 1_000)} s, so that it was given up. Send it again.`;
      receiver.abort(new FileIdleError(text, path));
    },
  });
  receiver.start();
  try {
    // Failures, then the newest figures, then the end: each as soon as the caller has use for it.
    for (;;) {
      const { ended } = state;
      for (const failure of failures.splice(0)) yield failure;
      receiver.resume();
      if (!state.told) {
        state.told = true;
        yield { kind: 'progress', files: state.files, bytes: state.bytes };
      } else if (ended !== undefined) {
        if (ended.error !== undefined) yield { ...failureOf(toFileError(ended.error, path)), path: '' };
        return;
      } else if (state.ended === undefined && failures.length === 0) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    }
  } finally {
    idle.stop();
    receiver.stop();
  }
}

/** A failure as it is reported to who writes. */
export function failureOf({ path, code, message }: FileError): Extract<WriteReport, { kind: 'failure' }> {
  return { kind: 'failure', path, code, message };
}

function nothing(): void {
  // Nobody waits.
}
