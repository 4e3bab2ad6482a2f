/*
 * A file under its other name, until it gets its own one or goes. Each step has to be over before the next one; who calls
 * sees to that.
 */

import { close, closeSync, fstatSync, fsync, ftruncate, open, rename, unlink } from 'node:fs';
import { FileConflictError } from '../../../files/file-error.js';
import { claim, unclaim } from './claims.js';
import type { FolderHandle } from '../folder/held-folder.js';
import { partialName, temporaryName } from './temporary.js';
import {
  checkTarget,
  continueFlags,
  createFlags,
  nameAt,
  openMode,
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
  #fd: number | undefined = undefined;

  /** `name`: the file in errors. `keeps`: what is there after a failure can be continued. */
  constructor(place: Place, name: string, keeps: boolean) {
    this.#place = place;
    this.#name = name;
    this.#keeps = keeps;
    this.#target = nameAt(place);
    this.#own = keeps ? partialName(this.#target) : temporaryName(this.#target);
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
    try {
      folder = this.#place.open();
    } catch (error) {
      done(error);
      return;
    }
    const flags = this.#keeps ? continueFlags : createFlags;
    open(folder.at(this.#own), flags, openMode(attributes), (failure, fd) => {
      let error: unknown = failure;
      if (failure === null) {
        this.#fd = fd;
        try {
          folder.confirm(fd, this.#own);
          checkTarget(folder, this.#target, this.#name);
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

  /** Gives it its attributes, and forces it to the disk where that is asked for. */
  finish(attributes: Attributes, forced: boolean, done: StepDone): void {
    const fd = this.#fd!;
    try {
      setAttributes(fd, attributes);
    } catch (error) {
      done(error);
      return;
    }
    if (forced) fsync(fd, done);
    else done(null);
  }

  /** Gives it its own name. */
  rename(done: StepDone): void {
    const fd = this.#fd!;
    this.#fd = undefined;
    try {
      // Windows renames nothing that is open. File systems over a network tell here what they could not write.
      closeSync(fd);
    } catch (error) {
      done(error);
      return;
    }
    let folder: FolderHandle;
    try {
      folder = this.#place.open();
    } catch (error) {
      done(error);
      return;
    }
    rename(folder.at(this.#own), folder.at(this.#target), (error) => {
      folder.close();
      if (error === null) this.#unclaim();
      done(error);
    });
  }

  /** After a failure: closes it, and removes it unless it can be continued. `spoilt`: nobody should. */
  giveUp(spoilt: boolean, done: () => void): void {
    const fd = this.#fd;
    // What has no bytes is of no use to who continues.
    const kept = this.#keeps && !spoilt && (fd === undefined || fstatSync(fd).size > 0);
    const closed = (): void => {
      if (kept) gone();
      else this.#remove(gone);
    };
    const gone = (): void => {
      this.#unclaim();
      done();
    };
    if (fd === undefined) closed();
    else close(fd, closed);
  }

  #remove(done: () => void): void {
    let folder: FolderHandle;
    try {
      folder = this.#place.open();
    } catch {
      // Its folder is gone, or elsewhere: it is swept where it is.
      done();
      return;
    }
    unlink(folder.at(this.#own), () => {
      folder.close();
      done();
    });
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
    if (this.#claimed) unclaim(this.#claimName);
    this.#claimed = false;
  }
}
