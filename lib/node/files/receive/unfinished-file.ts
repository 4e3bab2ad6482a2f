/*
 * A file under its other name, until it gets its own one or goes. Each step has to be over before the next one; who calls
 * sees to that.
 *
 * One that can be continued is taken by renaming it to a name of this process: that happens once, so that two processes
 * never write one file, and whoever comes later begins anew. After a failure it is renamed back.
 */

import { chmodSync, close, closeSync, fstatSync, fsync, ftruncate, open, rename, unlink } from 'node:fs';
import { FileConflictError, FileCorruptError, NotRegularFileError } from '../../../files/file-error.js';
import { quoted } from '../../../files/peer-path.js';
import type { FolderHandle } from '../folder/held-folder.js';
import { claim, unclaim } from './claims.js';
import { hashFile } from './hash-file.js';
import { noteWritten, ownName, partialName, temporaryName } from './temporary.js';
import {
  checkTarget,
  continueFlags,
  createFlags,
  nameAt,
  openMode,
  partMode,
  resumableFlags,
  setAttributes,
  writeFully,
  type Attributes,
  type Place,
} from './write-file.js';

/** Called at the end of a step, maybe at once, with the error, where there is one. */
export type StepDone = (error: unknown) => void;

/** See the head of this file. */
export class UnfinishedFile {
  readonly #place: Place;
  readonly #name: string;
  readonly #keeps: boolean;
  readonly #target: string;
  // Its name until then.
  readonly #own: string;
  #claimed = false;
  #forget: (() => void) | undefined = undefined;
  #fd: number | undefined = undefined;

  /** `name`: the file in errors. `keeps`: what is there after a failure can be continued. */
  constructor(place: Place, name: string, keeps: boolean) {
    this.#place = place;
    this.#name = name;
    this.#keeps = keeps;
    this.#target = nameAt(place);
    this.#own = keeps ? ownName(this.#target) : temporaryName(this.#target);
  }

  /** Waits until nobody else continues the same file. `replaced`: somebody else wants to, maybe later. */
  claim(replaced: () => void, done: StepDone): void {
    if (!this.#keeps) {
      done(null);
      return;
    }
    const granted = (): void => {
      this.#claimed = true;
      done(null);
    };
    claim(this.#claimName, { granted, replaced });
  }

  /** Opens it, and checks what was opened. */
  open(attributes: Attributes, done: StepDone): void {
    let folder: FolderHandle;
    let taken = false;
    try {
      folder = this.#place.open();
    } catch (error) {
      done(error);
      return;
    }
    try {
      checkTarget(folder, this.#target, this.#name);
      taken = this.#keeps && this.#takePart(folder);
    } catch (error) {
      folder.close();
      done(error);
      return;
    }
    const flags = taken ? continueFlags : this.#keeps ? resumableFlags : createFlags;
    open(folder.at(this.#own), flags, this.#keeps ? partMode : openMode(attributes), (failure, fd) => {
      let error: unknown = failure;
      if (failure === null) {
        this.#fd = fd;
        try {
          folder.confirm(fd, this.#own);
          if (this.#keeps) this.#forget = noteWritten(folder, this.#target, this.#own);
        } catch (refusal) {
          error = refusal;
        }
      }
      folder.close();
      done(error);
    });
  }

  /** Cuts off what is there behind `offset`. */
  prepare(offset: number, done: StepDone): void {
    const fd = this.#fd!;
    try {
      if (this.#keeps) this.#checkKept(fd, offset);
    } catch (error) {
      done(error);
      return;
    }
    if (this.#keeps) ftruncate(fd, offset, done);
    else done(null);
  }

  /** Writes all buffers. */
  write(buffers: readonly Uint8Array[], position: number, done: StepDone): void {
    writeFully(this.#fd!, buffers, position, done);
  }

  /** Compares what the file has on the disk with a hash: what came was right, and others may have touched the file since. */
  verify(
    range: { readonly offset: number; readonly length: number; readonly algorithm: string },
    expected: Uint8Array,
    done: StepDone,
  ): void {
    hashFile({ fd: this.#fd!, ...range }).then((found) => {
      if (found !== undefined && Buffer.compare(found, expected) === 0) done(null);
      else
        done(
          new FileCorruptError(`${quoted(this.#name)} was changed while it was written. Send it again.`, this.#name),
        );
    }, done);
  }

  /** Gives it its attributes, and forces it to the disk where that is asked for. */
  finish(attributes: Attributes, forced: boolean, done: StepDone): void {
    const fd = this.#fd!;
    try {
      setAttributes(fd, attributes, this.#keeps);
    } catch (error) {
      done(error);
      return;
    }
    if (forced) fsync(fd, done);
    else done(null);
  }

  /** Gives it its own name. `size`: what it must have. */
  rename(size: number, done: StepDone): void {
    const fd = this.#fd!;
    this.#fd = undefined;
    let folder: FolderHandle | undefined;
    try {
      const written = fstatSync(fd);
      // Windows renames nothing that is open. File systems over a network tell here what they could not write.
      closeSync(fd);
      folder = this.#place.open();
      const there = folder.look(this.#own);
      if (there?.ino !== written.ino || there.size !== size) throw this.#touched();
    } catch (error) {
      folder?.close();
      done(error);
      return;
    }
    const opened = folder;
    rename(opened.at(this.#own), opened.at(this.#target), (error) => {
      opened.close();
      if (error === null) this.#unclaim();
      done(error);
    });
  }

  /** After a failure: closes it, and removes it unless it can be continued. `spoilt`: nobody should. */
  giveUp(spoilt: boolean, done: () => void): void {
    const fd = this.#fd;
    // What has no bytes is of no use to who continues.
    const kept = this.#keeps && !spoilt && (fd === undefined || fstatSync(fd).size > 0);
    const gone = (): void => {
      this.#unclaim();
      done();
    };
    const closed = (): void => {
      this.#leave(kept, gone);
    };
    if (fd === undefined) closed();
    else close(fd, closed);
  }

  /** Takes what can be continued. False where nothing is there, or somebody else has just taken it. */
  #takePart(folder: FolderHandle): boolean {
    const part = partialName(this.#target);
    const there = folder.look(part);
    if (there === undefined) return false;
    if (!there.isFile()) {
      throw new NotRegularFileError(`${quoted(this.#name)}: what is kept of it is no regular file.`, this.#name);
    }
    try {
      folder.rename(part, this.#own);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
      throw error;
    }
    // An earlier version gave it the mode of its original, which may be read-only.
    if ((there.mode & partMode) !== partMode) chmodSync(folder.at(this.#own), partMode);
    return true;
  }

  /** Removes it, or leaves it for who continues. */
  #leave(kept: boolean, done: () => void): void {
    let folder: FolderHandle;
    try {
      folder = this.#place.open();
    } catch {
      // Its folder is gone, or elsewhere: it is swept where it is.
      done();
      return;
    }
    const left = (): void => {
      folder.close();
      done();
    };
    if (kept) rename(folder.at(this.#own), folder.at(partialName(this.#target)), left);
    else unlink(folder.at(this.#own), left);
  }

  #touched(): FileConflictError {
    return new FileConflictError(
      `${quoted(this.#name)}: another process has touched the file while it was written. Send it again.`,
      this.#name,
    );
  }

  get #claimName(): string {
    return `${this.#place.path}\0part`;
  }

  #checkKept(fd: number, offset: number): void {
    const stats = fstatSync(fd);
    if (stats.isFile() && stats.size >= offset) return;
    throw new FileConflictError(
      `${String(offset)} bytes of ${JSON.stringify(this.#name)} should be here, and are not.`,
      this.#name,
    );
  }

  #unclaim(): void {
    this.#forget?.();
    this.#forget = undefined;
    if (this.#claimed) unclaim(this.#claimName);
    this.#claimed = false;
  }
}
