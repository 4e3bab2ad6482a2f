import type { BulkFrame, BulkWriter } from '../mux/bulk.js';
import type { StreamMux } from '../mux/stream.js';
import type { BulkForm, BulkPort } from '../codec/bulk-item.js';

/** The {@link BulkPort} of a stream. */
export class StreamPort implements BulkPort {
  readonly form: BulkForm;
  readonly route: string;
  /** The stream; undefined until there is one. */
  stream: StreamMux | undefined;

  constructor(form: BulkForm, route: string, stream?: StreamMux) {
    this.form = form;
    this.route = route;
    this.stream = stream;
  }

  get credit(): number {
    const { stream } = this;
    return stream === undefined || stream.ended || stream.sendEnded ? 0 : stream.available;
  }

  get frameBytes(): number {
    return this.stream?.bulkFrameBytes ?? 0;
  }

  get writer(): BulkWriter | undefined {
    return this.stream?.bulkWriter;
  }

  now(): number {
    return this.stream?.now() ?? 0;
  }

  send(payload: Uint8Array): void {
    this.stream?.send(payload);
  }

  sendBulk(frame: BulkFrame): void {
    this.stream?.sendBulk(frame);
  }
}
