/**
 * A {@link Socket} over a MessagePort: each message is copied once, and its bytes change hands.
 *
 *     open ──closing message of the other end, `close` of the port──▶ closed (inbound completes, or fails)
 *       └── outbound.complete, outbound.error, close: a closing message
 *
 * A port does not report how much waits in it. So the receiver acknowledges the bytes that it has read, and the sender
 * counts the rest.
 */

import { Subject, type Observable, type Observer } from 'rxjs';
import { ClosedError, type ClosedCode } from '../rejection.js';
import type { Socket } from '../transport/socket.js';
import { joinFragments, type WireMessage } from '../wire/batch.js';
import { Slabs } from '../wire/slabs.js';
import { errorOf, postedError, type PostedError } from './messages.js';

/** Received bytes that are acknowledged together. */
const acknowledgedBytes = 32 << 10;
/** Below this number of bytes without an acknowledgement, `drained` emits. */
const drainedBytes = 64 << 10;

/** Instead of bytes: acknowledges as many, or closes. */
type Control = { readonly read: number } | { readonly closed: PostedError | undefined };

/** A {@link Socket} over a MessagePort, between a page and a worker. */
export class PortSocket implements Socket {
  readonly inbound: Observable<Uint8Array>;
  readonly outbound: Observer<WireMessage>;
  readonly drained: Observable<void>;
  /** The reason that the other end gets where this one closes without one of its own. */
  lossOf: Error | undefined = undefined;
  // A message is copied before `next` returns.
  readonly slabs = new Slabs(() => 0);

  readonly #port: MessagePort;
  readonly #inbound = new Subject<Uint8Array>();
  readonly #drained = new Subject<void>();
  #closed = false;
  #unread = 0;
  #unacknowledged = 0;

  constructor(port: MessagePort) {
    this.#port = port;
    this.inbound = this.#inbound.asObservable();
    this.drained = this.#drained.asObservable();
    this.outbound = {
      next: (message) => {
        this.#send(message);
      },
      error: () => {
        this.#close(this.lossOf);
      },
      complete: () => {
        this.#close(this.lossOf);
      },
    };
    port.addEventListener('message', this.#onMessage);
    port.addEventListener('close', this.#onClose);
    port.start();
  }

  get bufferedBytes(): number {
    return this.#unread;
  }

  close(code: ClosedCode, reason: string): void {
    this.#close(new ClosedError(`The other side closed the connection: ${reason}`, reason, code));
  }

  #send(message: WireMessage): void {
    if (this.#closed) return;
    // The memory belongs to the sender, and may hold more than this message: it stays there.
    const bytes = new Uint8Array(joinFragments(message));
    this.#unread += bytes.length;
    this.#port.postMessage(bytes, [bytes.buffer]);
  }

  #close(error: Error | undefined): void {
    if (this.#closed) return;
    this.#post({ closed: error === undefined ? undefined : postedError(error) });
    this.#end(undefined);
  }

  #post(control: Control): void {
    this.#port.postMessage(control);
  }

  #end(error: Error | undefined): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#port.removeEventListener('message', this.#onMessage);
    this.#port.removeEventListener('close', this.#onClose);
    this.#port.close();
    if (error === undefined) this.#inbound.complete();
    else this.#inbound.error(error);
  }

  readonly #onClose = (): void => {
    this.#end(new Error('The other end of the port is gone.'));
  };

  readonly #onMessage = ({ data }: { readonly data: unknown }): void => {
    if (!(data instanceof Uint8Array)) {
      this.#onControl(data as Control);
      return;
    }
    this.#unacknowledged += data.length;
    this.#inbound.next(data);
    if (this.#closed || this.#unacknowledged < acknowledgedBytes) return;
    this.#post({ read: this.#unacknowledged });
    this.#unacknowledged = 0;
  };

  #onControl(control: Control): void {
    if ('closed' in control) {
      this.#end(control.closed === undefined ? undefined : errorOf(control.closed));
      return;
    }
    const before = this.#unread;
    this.#unread -= control.read;
    if (before > drainedBytes && this.#unread <= drainedBytes) this.#drained.next();
  }
}
