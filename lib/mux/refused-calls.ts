import type { FrameView } from '../wire/frame.js';
import { Op } from '../wire/ops.js';
import type { IncomingHost, IncomingSide } from './incoming-side.js';
import { refuseCall, unimplemented } from './refuse-call.js';
import type { UnknownMux } from './unknown-mux.js';

const noHandlers = unimplemented(
  'This side has no handlers. Give its connect the option handlers, a list of bind(route, handler).',
);

/** The incoming side of an endpoint without handlers: it refuses each call. */
export class RefusedCalls implements IncomingSide {
  readonly size = 0;
  readonly #host: IncomingHost;
  readonly #unknownMux: UnknownMux;

  constructor(host: IncomingHost, unknownMux: UnknownMux) {
    this.#host = host;
    this.#unknownMux = unknownMux;
  }

  entries(): [] {
    return [];
  }

  route(frame: FrameView): void {
    if (frame.op === Op.Request || frame.op === Op.ConnectMux) {
      this.#host.stats.callsIn++;
      refuseCall(this.#host, frame, noHandlers);
    } else this.#unknownMux.answerCaller(frame);
  }
}
