import type { StreamMux } from '../mux/stream.js';
import type { BulkForm, BulkPort } from './bulk-item.js';

/** The {@link BulkPort} of a stream, which may not be there yet. */
export function streamPort(form: BulkForm, route: string, stream: () => StreamMux | undefined): BulkPort {
  return {
    form,
    route,
    get credit() {
      const mux = stream();
      return mux === undefined || mux.ended || mux.sendEnded ? 0 : mux.credit;
    },
    get frameBytes() {
      return stream()?.bulkFrameBytes ?? 0;
    },
    get writer() {
      return stream()?.bulkWriter;
    },
    send: (payload) => {
      stream()?.send(payload);
    },
    sendBulk: (frame) => {
      stream()?.sendBulk(frame);
    },
  };
}
