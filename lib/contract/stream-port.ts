import type { RegionFrame, RegionWriter } from '../mux/region-frame.js';
import type { StreamMux } from '../mux/stream.js';
import type { RegionForm, RegionPort } from '../codec/region-item.js';

/** The {@link RegionPort} of one direction of a stream. */
export class StreamPort implements RegionPort {
  readonly form: RegionForm;
  readonly route: string;
  /** The stream; undefined until it has been opened. */
  stream: StreamMux | undefined;

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

  send(payload: Uint8Array): void {
    this.stream?.send(payload);
  }

  sendRegionFrame(frame: RegionFrame): void {
    this.stream?.sendRegionFrame(frame);
  }
}
