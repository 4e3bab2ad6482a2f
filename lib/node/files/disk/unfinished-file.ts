/*
 * A file that is being written, under a name of its own until it is complete. Its steps are asynchronous: each one must
 * have ended before the next one is started, which is the caller's duty.
 *
 *     claim ──▶ open ──▶ prepare ──▶ write… ──▶ verify ──▶ finish ──▶ rename
 *       └─────────┴─────────┴───────────┴──────────┴─────────┴──▶ giveUp
 *
 * A part that an earlier transfer has left is taken over by renaming it to a name of this process. A rename succeeds
 * once, so two processes never write one file: the one that comes later finds no part and begins anew. After a failure
 * the file is renamed back to a part.
 */

import { chmodSync, close, closeSync, fstatSync, fsync, ftruncate, open, rename, unlink } from 'node:fs';
import { dirname } from 'node:path';
import { FileConflictError, FileCorruptError, NotRegularFileError } from '../../../files/file-error.js';
import { quoted } from '../../../files/peer-path.js';
import { NamedFolder, type FolderHandle } from './held-folder.js';
import { creationError, isOutOfDescriptors } from './system-error.js';
import { creationMode, partMode, setAttributes, type Attributes } from './attributes.js';
import { claim, releaseClaim } from './claims.js';
import { finalName, type Destination } from './destination.js';
import { hashFile } from './hash-file.js';
import { noteWritten, ownName, partialName, temporaryName } from './temporary.js';
import { checkTarget, continueFlags, createFlags, resumableFlags, writeFully } from './write-file.js';

/** Called when a step ends, possibly within the call that starts it; null or undefined: the step has succeeded. */
export type StepDone = (error: unknown) => void;

/** A file that is being received: written under a temporary name, and renamed when it is complete. */
export class UnfinishedFile {
  readonly #destination: Destination;
  /** Names the file in errors. */
  readonly #name: string;
  readonly #resumable: boolean;
  readonly #target: string;
  /** The name until the file is complete. */
  readonly #own: string;
  #claimed = false;
  #forget: (() => void) | undefined = undefined;
  #fd: number | undefined = undefined;

  /** `name`: names the file in errors. `resumable`: after a failure the file stays, and can be continued. */
  constructor(destination: Destination, name: string, resumable: boolean) {
    this.#destination = destination;
    this.#name = name;
    this.#resumable = resumable;
    this.#target = finalName(destination);
    this.#own = resumable ? ownName(this.#target) : temporaryName(this.#target);
  }

  /** Waits until no other transfer of this process writes the same part. `replaced`: another transfer waits for it. */
  claim(replaced: () => void, done: StepDone): void {
    if (!this.#resumable) {
      done(null);
      return;
    }
    const granted = (): void => {
      this.#claimed = true;
      done(null);
    };
    claim(this.#claimKey, { granted, replaced });
  }

  /** Opens the file, and checks what was opened. */
  open(attributes: Attributes, done: StepDone): void {
    let folder: FolderHandle;
    try {
      folder = this.#destination.open();
    } catch (error) {
      done(error);
      return;
    }
    let continues: boolean;
    try {
      checkTarget(folder, this.#target, this.#name);
      continues = this.#resumable && this.#takeOverPart(folder);
    } catch (error) {
      folder.close();
      done(error);
      return;
    }
    const flags = continues ? continueFlags : this.#resumable ? resumableFlags : createFlags;
    const mode = this.#resumable ? partMode : creationMode(attributes);
    open(folder.at(this.#own), flags, mode, (failure, fd) => {
      const error = failure === null ? this.#opened(fd, folder) : creationError(failure, this.#name);
      folder.close();
      done(error);
    });
  }

  /** Cuts off the bytes after `offset`, which an earlier transfer may have left. */
  prepare(offset: number, done: StepDone): void {
    if (!this.#resumable) {
      done(null);
      return;
    }
    const fd = this.#fd!;
    const stats = fstatSync(fd);
    if (stats.isFile() && stats.size >= offset) ftruncate(fd, offset, done);
    else {
      const text = `${quoted(this.#name)}: the first ${String(offset)} bytes, which the stream leaves out, are not present. Send the file again.`;
      done(new FileConflictError(text, this.#name));
    }
  }

  /** Writes all buffers. */
  write(buffers: readonly Uint8Array[], position: number, done: StepDone): void {
    writeFully(this.#fd!, buffers, position, done);
  }

  /**
   * Compares a hash with the bytes on the disk. The received bytes had the right hash, but another process may have
   * changed the file since.
   */
  verify(
    range: { readonly offset: number; readonly length: number; readonly algorithm: string },
    expected: Uint8Array,
    done: StepDone,
  ): void {
    hashFile({ fd: this.#fd!, ...range }).then((found) => {
      if (found !== undefined && Buffer.compare(found, expected) === 0) {
        done(null);
        return;
      }
      const text = `${quoted(this.#name)} was changed while it was written. Send it again.`;
      done(new FileCorruptError(text, this.#name));
    }, done);
  }

  /** Gives the file its attributes. `fsync`: forces it to the disk, too. */
  finish(attributes: Attributes, forced: boolean, done: StepDone): void {
    const fd = this.#fd!;
    const byName = (use: (folder: FolderHandle, name: string) => void): void => {
      const folder = this.#destination.open();
      try {
        use(folder, this.#own);
      } finally {
        folder.close();
      }
    };
    try {
      setAttributes({ fd, byName }, attributes, this.#resumable);
      if (forced) fsync(fd, done);
    } catch (error) {
      done(error);
      return;
    }
    if (!forced) done(null);
  }

  /** Gives the file its final name. `size`: the size that it must have. */
  rename(size: number, done: StepDone): void {
    const fd = this.#fd!;
    this.#fd = undefined;
    let folder: FolderHandle | undefined;
    try {
      const written = fstatSync(fd);
      // Windows does not rename open files, and network file systems report failed writes at close.
      closeSync(fd);
      folder = this.#destination.open();
      const named = folder.lstat(this.#own);
      if (named?.ino !== written.ino || named.size !== size) throw this.#touched();
    } catch (error) {
      folder?.close();
      done(error);
      return;
    }
    const opened = folder;
    rename(opened.at(this.#own), opened.at(this.#target), (error) => {
      opened.close();
      if (error === null) this.#releaseClaim();
      done(error);
    });
  }

  /**
   * After a failure: closes the file, and removes it unless it can be continued. `corrupt`: it must not be continued.
   */
  giveUp(corrupt: boolean, done: () => void): void {
    const fd = this.#fd;
    // An empty part has nothing to continue.
    const keep = this.#resumable && !corrupt && (fd === undefined || fstatSync(fd).size > 0);
    const closed = (): void => {
      this.#keepOrRemove(keep, () => {
        this.#releaseClaim();
        done();
      });
    };
    if (fd === undefined) closed();
    else close(fd, closed);
  }

  /** Confirms what was opened. The result is the error, if any. */
  #opened(fd: number, folder: FolderHandle): unknown {
    this.#fd = fd;
    try {
      folder.confirm(fd, this.#own);
      if (this.#resumable) this.#forget = noteWritten(folder, this.#target, this.#own);
      return null;
    } catch (error) {
      return error;
    }
  }

  /**
   * Renames an existing part to the name of this process. False: there is none, or another process has just taken it.
   */
  #takeOverPart(folder: FolderHandle): boolean {
    const part = partialName(this.#target);
    const existing = folder.lstat(part);
    if (existing === undefined) return false;
    if (!existing.isFile()) {
      throw new NotRegularFileError(
        `${quoted(this.#name)}: its part ${quoted(part)} is not a regular file. Remove it.`,
        this.#name,
      );
    }
    try {
      folder.rename(part, this.#own);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
      throw error;
    }
    // Earlier versions gave a part the mode of its original, which may be read-only.
    if ((existing.mode & partMode) !== partMode) chmodSync(folder.at(this.#own), partMode);
    return true;
  }

  #keepOrRemove(keep: boolean, done: () => void): void {
    const folder = this.#folderForCleanUp();
    if (folder === undefined) {
      done();
      return;
    }
    const ended = (): void => {
      folder.close();
      done();
    };
    if (keep) rename(folder.at(this.#own), folder.at(partialName(this.#target)), ended);
    else unlink(folder.at(this.#own), ended);
  }

  /** The folder, whether or not a descriptor is left to hold it open. Undefined where it is not there any more. */
  #folderForCleanUp(): FolderHandle | undefined {
    const { path } = this.#destination;
    try {
      return this.#destination.open();
    } catch (error) {
      // By its path, which needs no descriptor: no other file has the name of this one, wherever the path leads. In a
      // folder that was removed or moved, a sweep finds the file.
      return isOutOfDescriptors(error) ? new NamedFolder(dirname(path)) : undefined;
    }
  }

  #touched(): FileConflictError {
    return new FileConflictError(
      `${quoted(this.#name)}: another process has changed the file while it was written. Send it again.`,
      this.#name,
    );
  }

  get #claimKey(): string {
    return `${this.#destination.path}\0part`;
  }

  #releaseClaim(): void {
    this.#forget?.();
    this.#forget = undefined;
    if (this.#claimed) releaseClaim(this.#claimKey);
    this.#claimed = false;
  }
}
