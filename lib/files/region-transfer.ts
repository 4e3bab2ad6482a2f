/**
 * The sending of one region: a header, frames as credit allows, and an end.
 *
 *     waiting ──credit──▶ opening ──▶ header ──▶ data ──last byte sent──▶ finishing ──▶ end ──▶ over
 *                            └────────────────────┴── failure ─────────────┴──▶ failing ──▶ over
 *
 * While one frame waits for its turn or is written, the next one is prepared, if there is credit for it. So a receiver
 * that has stopped reading costs the memory of two frames.
 */

import type { RegionFrame } from '../mux/schedule/region-frame.js';
import type { RegionPort, RegionSending, RegionTransfer as RegionFigures } from '../codec/region-item.js';
import { maxFilePartBytes } from '../bounds.js';
import { errorText } from '../errors.js';
import { FileError } from './file-error.js';
import { encodeFileEnd, encodeFileError, encodeFileHeader, fileDataPrefix } from './file-item.js';
import type { FileRegion, OpenRegion, RegionObserver, RegionPart } from './file-region.js';
import { RateMeter } from './rate-meter.js';
import { whenMade } from './when-made.js';

const noPrefix = new Uint8Array(0);

/** Sends one region of a file as the items of a stream, as credit allows. */
export class RegionTransfer implements RegionSending {
  readonly #region: FileRegion;
  readonly #port: RegionPort;
  readonly #observer: RegionObserver;
  readonly #ended: (failure?: { readonly error: unknown }) => void;
  #meter: RateMeter | undefined = undefined;
  #state: 'waiting' | 'opening' | 'header' | 'data' | 'finishing' | 'end' | 'failing' | 'over' = 'waiting';
  #open: OpenRegion | undefined = undefined;
  #figures: RegionFigures | undefined = undefined;
  // Bytes of the region that are prepared (or queued, or sent), and bytes that are sent.
  #prepared = 0;
  #sent = 0;
  #preparing = false;
  #ready: RegionPart | undefined = undefined;
  #queued: RegionPart | undefined = undefined;
  #writing = false;
  #hash: Uint8Array | undefined = undefined;
  #error: unknown = undefined;

  constructor(
    region: FileRegion,
    port: RegionPort,
    observer: RegionObserver,
    ended: (failure?: { readonly error: unknown }) => void,
  ) {
    this.#region = region;
    this.#port = port;
    this.#observer = observer;
    this.#ended = ended;
  }

  resume(): void {
    switch (this.#state) {
      case 'waiting':
        if (this.#port.credit > 0) this.#begin();
        break;
      case 'header':
        this.#sendHeader();
        break;
      case 'data':
        this.#sendData();
        break;
      case 'end':
        this.#sendEnd();
        break;
      case 'failing':
        this.#sendError();
        break;
      default:
    }
  }

  stop(): void {
    if (this.#state === 'over') return;
    this.#end();
    this.#dropAll();
  }

  /** True: each item begins with its kind. */
  get #isFileRoute(): boolean {
    return this.#port.form === 'files';
  }

  #end(): void {
    this.#state = 'over';
    this.#figures?.end();
    this.#figures = undefined;
  }

  #begin(): void {
    this.#state = 'opening';
    this.#meter = new RateMeter(this.#port.now());
    whenMade(
      () => this.#region.open(this.#port),
      (open) => {
        this.#open = open;
        if (this.#state === 'over') this.#close();
        else {
          this.#figures = this.#port.beginTransfer?.(this.#region.path, open.length, open.mode);
          this.#sendHeader();
        }
      },
      this.#fail,
    );
  }

  #sendHeader(): void {
    this.#state = 'header';
    if (this.#isFileRoute) {
      if (this.#port.credit === 0) return;
      const { name: path, size, offset, length, mtime, permissions, hash, mode: via } = this.#open!;
      let header: Uint8Array;
      try {
        header = encodeFileHeader({
          ...{ path, size, offset, length, via },
          ...(mtime === undefined ? {} : { mtime }),
          ...(permissions === undefined ? {} : { mode: permissions }),
          ...(hash === undefined ? {} : { hash }),
        });
      } catch (error) {
        this.#fail(error);
        return;
      }
      this.#port.send(header);
      // An observer of the item may have stopped the transfer.
      if (this.#isOver()) return;
    }
    this.#state = 'data';
    this.#sendData();
  }

  #sendData(): void {
    const open = this.#open!;
    if (this.#sent === open.length) {
      this.#finish();
      return;
    }
    const part = this.#ready;
    if (part !== undefined && this.#queued === undefined && this.#port.credit > 0) {
      this.#ready = undefined;
      this.#queued = part;
      this.#port.sendRegionFrame(this.#frameOf(part));
    }
    const left = open.length - this.#prepared;
    if (this.#preparing || this.#ready !== undefined || left === 0 || this.#port.credit === 0) return;
    this.#preparing = true;
    const most = Math.min(left, maxFilePartBytes);
    whenMade(
      () => open.part(open.offset + this.#prepared, Math.min(most, this.#port.frameBytes - fileDataPrefix.length)),
      (next) => {
        this.#preparing = false;
        if (this.#state === 'data') {
          this.#prepared += next.length;
          this.#ready = next;
          this.#sendData();
        } else {
          next.drop();
          this.#close();
        }
      },
      (error) => {
        this.#preparing = false;
        // A transfer that was stopped meanwhile has kept the file open for this.
        if (this.#isOver()) this.#close();
        else this.#fail(error);
      },
    );
  }

  #frameOf(part: RegionPart): RegionFrame {
    return {
      prefix: this.#isFileRoute ? fileDataPrefix : noPrefix,
      length: part.length,
      write: (head, done) => {
        this.#writing = true;
        part.write(head, (error) => {
          this.#writing = false;
          this.#queued = undefined;
          // The next frame is queued before the schedule goes on: else other muxes would have every turn meanwhile.
          this.#written(part.length, error);
          done(error);
        });
      },
    };
  }

  #written(bytes: number, error: Error | undefined): void {
    this.#sent += bytes;
    if (this.#figures !== undefined) this.#figures.moved = this.#sent;
    if (this.#state !== 'data') this.#close();
    else if (error !== undefined) this.#tear(error);
    else if (this.#reportProgress()) this.#sendData();
  }

  // False: the transfer is over. The observer may have stopped it, or thrown.
  #reportProgress(): boolean {
    const { mode, reason, copied, length: total } = this.#open!;
    const rate = this.#meter!.rate(this.#port.now(), this.#sent);
    try {
      this.#observer.progress({ path: this.#region.path, sent: this.#sent, total, mode, reason, copied, rate });
    } catch (error) {
      this.#fail(error);
    }
    return this.#state === 'data' || this.#state === 'end';
  }

  // A message was torn, and the connection with it. Where the file caused that, only this side knows.
  #tear(error: Error): void {
    this.#end();
    this.#dropAll();
    if (!(error instanceof FileError)) return;
    this.#observer.failed(error);
    this.#ended({ error });
  }

  #finish(): void {
    this.#state = 'finishing';
    whenMade(
      () => this.#open!.finish(),
      (hash) => {
        if (this.#state === 'over') return;
        this.#hash = hash;
        this.#state = 'end';
        this.#sendEnd();
      },
      this.#fail,
    );
  }

  #sendEnd(): void {
    if (this.#isFileRoute) {
      if (this.#port.credit === 0) return;
      const { length } = this.#open!;
      this.#port.send(encodeFileEnd(this.#hash === undefined ? { length } : { length, hash: this.#hash }));
      if (this.#isOver()) return;
    }
    // An empty region has no frame after which the progress would be reported.
    if (this.#open!.length === 0 && !this.#reportProgress()) return;
    this.#end();
    this.#close();
    this.#ended();
  }

  readonly #fail = (error: unknown): void => {
    if (this.#isOver()) return;
    this.#state = 'failing';
    this.#error = error;
    this.#dropAll();
    this.#sendError();
  };

  #sendError(): void {
    const error = this.#error;
    if (this.#isFileRoute) {
      if (this.#port.credit === 0) return;
      this.#port.send(
        encodeFileError({ code: error instanceof FileError ? error.code : 'file-io', message: errorText(error) }),
      );
      if (this.#isOver()) return;
    }
    this.#end();
    this.#observer.failed(error);
    if (this.#isFileRoute) this.#ended();
    else this.#ended({ error });
  }

  #dropAll(): void {
    this.#ready?.drop();
    this.#ready = undefined;
    // A frame that waits for its turn was taken out of the queue, or its queue is gone.
    if (this.#queued !== undefined && !this.#writing) {
      this.#queued.drop();
      this.#queued = undefined;
    }
    this.#close();
  }

  // The file is needed until the last frame is written.
  #close(): void {
    if (this.#writing || this.#preparing) return;
    this.#open?.close();
    this.#open = undefined;
  }

  // A method, because the compiler assumes that calls do not change the state.
  #isOver(): boolean {
    return this.#state === 'over';
  }
}
