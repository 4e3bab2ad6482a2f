import { toError } from '../errors.js';
import { guarded, type OnThrown } from '../guard.js';
import type { RegionWriter } from '../mux/schedule/region-frame.js';
import type { EngineStats } from '../mux/engine.js';
import type { MessageSink } from '../mux/schedule/message-writer.js';
import type { Socket } from '../transport/socket.js';
import { sizeOf, type WireMessage } from '../wire/batch.js';
import type { Slabs } from '../wire/slabs.js';
import type { InboundMessages } from './inbound-messages.js';

/** What the sink needs from its link. */
export interface SinkOwner {
  readonly engine: { readonly stats: EngineStats };
  readonly inbound: InboundMessages;
  /** The socket is broken. */
  fail(error: Error): void;
  observe(direction: 'in' | 'out', message: WireMessage): void;
}

/** Passes an engine's messages to the socket of its link, counts them, and notifies the observers of the link. */
export class EngineSink implements MessageSink {
  readonly regionWriter: RegionWriter;
  readonly slabs: Slabs | undefined;
  readonly #link: SinkOwner;
  readonly #socket: Socket;
  readonly #onThrown: OnThrown;
  readonly #sendNow: (message: WireMessage) => void;

  constructor(link: SinkOwner, socket: Socket) {
    this.#link = link;
    this.#socket = socket;
    this.slabs = socket.slabs;
    this.#onThrown = (error) => {
      link.fail(toError(error));
    };
    const { inbound } = link;
    this.#sendNow = (message) => {
      inbound.beginSend();
      try {
        socket.outbound.next(message);
      } finally {
        inbound.endSend();
      }
    };
    this.regionWriter = socket.regionWriter ?? {
      writeBytes: (head, { bytes, pooled }, done) => {
        let failure: Error | undefined;
        guarded(
          (error) => {
            failure = toError(error);
            this.#onThrown(failure);
          },
          // The socket may keep the array.
          () => {
            this.#sendNow([head, pooled ? bytes.slice() : bytes]);
          },
        );
        done(failure);
      },
    };
  }

  get bufferedBytes(): number {
    return this.#socket.bufferedBytes;
  }

  send(message: WireMessage): void {
    this.#count(message, sizeOf(message));
    // A message that cannot be sent is lost, and the sequence of the following ones is broken.
    guarded(this.#onThrown, this.#sendNow, message);
  }

  passing(head: Uint8Array, length: number): void {
    this.#count(head, length);
  }

  #count(message: WireMessage, bytes: number): void {
    const { stats } = this.#link.engine;
    stats.messagesOut++;
    stats.bytesOut += bytes;
    this.#link.observe('out', message);
  }
}
