import type { RegionFrame, RegionWriter } from '../mux/schedule/region-frame.js';
import type { StreamMux } from '../mux/stream/stream.js';
import type { RegionForm, RegionPort, RegionTransfer } from '../codec/region-item.js';
import { beginTransfer, type FileStream } from './received-files.js';

/** The {@link RegionPort} of one direction of a stream. */
export class StreamPort implements RegionPort {
  readonly form: RegionForm;
  readonly route: string;
  /** The stream; undefined until it has been opened. */
  stream: StreamMux | undefined;
  /** Counts the files of the stream; undefined until it has been opened. */
  files: FileStream | undefined = undefined;

  constructor(form: RegionForm, route: string, stream?: StreamMux) {
    this.form = form;
    this.route = route;
    this.stream = stream;
  }

  get credit(): number {
    const { stream } = this;
    return stream === undefined || stream.ended || stream.sendEnded ? 0 : stream.wantedCredit;
  }

  get frameBytes(): number {
    return this.stream?.regionFrameBytes ?? 0;
  }

  get writer(): RegionWriter | undefined {
    return this.stream?.regionWriter;
  }

  now(): number {
    return this.stream?.now() ?? 0;
  }

  beginTransfer(path: string, total: number, mode: string): RegionTransfer | undefined {
    return this.files && beginTransfer(this.files, 'send', { path, total, mode }, this.now());
  }

  send(payload: Uint8Array): void {
    this.stream?.send(payload);
  }

  sendRegionFrame(frame: RegionFrame): void {
    this.stream?.sendRegionFrame(frame);
  }
}
