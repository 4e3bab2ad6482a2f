import { Subject, type Observer } from 'rxjs';
import { closeCodeOf, closeError, closeReason } from '../../transport/close-codes.js';
import type { Socket } from '../../transport/socket.js';
import type { Runtime } from '../../runtime.js';
import { joinFragments, type WireMessage } from '../../wire/batch.js';
import { Slabs } from '../../wire/slabs.js';
import { Lane, type Cargo, type LineOptions } from './lane.js';
import type { MessageInFlight } from './message-fault.js';
import type { SeededRandom } from '../seeded-random.js';

/** As in the adapter for real sockets: below this, `drained` emits. */
const drainedBytes = 64 << 10;
/** As in the engine: above this frames wait in its queue. A socket that is full by chance holds more. */
const congestedBytes = 256 << 10;
/** Upper bound of the time in which a socket is full by chance, in ms. */
const maxFullTime = 40;
/** A message that is to arrive behind the next one waits so long for one, in ms. */
const swapPatience = 50;

/** The cable of a circuit, as the circuit uses it. */
export interface CircuitOptions {
  /** Names of the two ends; the first one opened it. */
  readonly ends: readonly [string, string];
  readonly runtime: Runtime;
  readonly random: SeededRandom;
  readonly line: LineOptions;
  /** The bytes of messages are kept after they were sent, for the log. */
  readonly logged: boolean;
  /** A message is sent: applies the faults to it. `bytes` are in memory of their own. */
  sets(from: string, to: string, bytes: Uint8Array, lost: boolean): MessageInFlight;
  /** A message arrives; called before the end that receives it is. */
  arrives(to: string, bytes: Uint8Array): void;
  /** An end is closed: by itself, or because the other one is. Called once for each end. */
  endClosed(name: string): void;
  /** The socket of an end counts as full by chance, or does no more. */
  full(name: string, full: boolean): void;
  /** One end closed it, or it broke. Called once for each circuit. */
  ended(what: 'closed' | 'broken', text: string): void;
}

/** One WebSocket in memory: two sockets, and a lane for each direction. */
export class Circuit {
  readonly sockets: readonly [Socket, Socket];
  readonly #ends: readonly [End, End];
  #over = false;

  constructor(options: CircuitOptions) {
    const [left, right] = options.ends;
    const ended = (what: 'closed' | 'broken', text: string): void => {
      if (this.#over) return;
      this.#over = true;
      options.ended(what, text);
    };
    const first = new End(left, right, options, ended);
    const second = new End(right, left, options, ended);
    first.connect(second);
    second.connect(first);
    this.#ends = [first, second];
    this.sockets = [first.socket, second.socket];
  }

  /** True until one end closes it, or it breaks. */
  get open(): boolean {
    return !this.#over;
  }

  /** Breaks it: both ends are notified at once, and what is on its way is lost. */
  cut(reason: string): void {
    for (const end of this.#ends) end.lane.kill();
    for (const end of this.#ends) end.arrived({ kind: 'reset', reason });
  }

  /** From now on everything that `from` sends is lost, and neither end is notified. Undefined: in both directions. */
  silence(from: string | undefined): void {
    for (const end of this.#ends) if (from === undefined || from === end.name) end.silence();
  }

  /** Stops the messages of `from`, or lets them go on. */
  stall(from: string, stalled: boolean): void {
    for (const end of this.#ends) if (from === end.name) end.lane.stalled = stalled;
  }

  /** Bounds the bandwidth of what `from` sends, in bytes per second; Infinity: only the line's own holds. */
  limit(from: string, bytesPerSecond: number): void {
    for (const end of this.#ends) if (from === end.name) end.lane.limit = bytesPerSecond;
  }

  /** Sends a message as though the socket of `from` had. */
  inject(from: string, bytes: Uint8Array): void {
    this.#ends.find(({ name }) => name === from)!.send(bytes);
  }
}

class End {
  readonly name: string;
  readonly socket: Socket;
  readonly lane: Lane;
  readonly #slabs: Slabs;
  readonly #other: string;
  readonly #options: CircuitOptions;
  readonly #ended: CircuitOptions['ended'];
  readonly #inbound = new Subject<Uint8Array>();
  readonly #drained = new Subject<void>();
  #peer!: End;
  #open = true;
  #silent = false;
  #fullByChance = false;

  constructor(name: string, other: string, options: CircuitOptions, ended: CircuitOptions['ended']) {
    this.name = name;
    this.#other = other;
    this.#options = options;
    this.#ended = ended;
    const lane = new Lane(options.runtime, options.random, options.line, {
      arrived: (cargo) => {
        this.#peer.arrived(cargo);
      },
      sent: (bufferedBytes) => {
        if (this.#open && !this.#fullByChance && bufferedBytes <= drainedBytes) this.#drained.next();
      },
    });
    this.lane = lane;
    // A message is copied before `next` returns, so the memory that it was written to can be used again. One byte counts
    // as referenced all the same: where messages begin in that memory is each connection's own then, whatever others
    // have used it before.
    const slabs = new Slabs(() => (this.#open ? 1 : 0));
    this.#slabs = slabs;
    const bufferedBytes = (): number => lane.bufferedBytes + (this.#fullByChance ? congestedBytes + 1 : 0);
    const outbound: Observer<WireMessage> = {
      next: (message) => {
        const bytes = joinFragments(message);
        this.send(bytes === message ? bytes.slice() : bytes);
      },
      error: (error) => {
        this.#close(
          { kind: 'reset', reason: 'The socket closed with code 1006.' },
          `broken by ${name}: ${textOf(error)}`,
        );
      },
      complete: () => {
        this.#close({ kind: 'close' }, `closed by ${name}`);
      },
    };
    this.socket = {
      inbound: this.#inbound.asObservable(),
      outbound,
      drained: this.#drained.asObservable(),
      slabs,
      close: (code, reason) => {
        const error = closeError(closeCodeOf(code), closeReason(reason));
        this.#close({ kind: 'close', error }, `closed by ${name}: ${code}`);
      },
      get bufferedBytes() {
        return bufferedBytes();
      },
    };
  }

  connect(peer: End): void {
    this.#peer = peer;
  }

  /** Sends a message in memory of its own. */
  send(bytes: Uint8Array): void {
    if (!this.#open) return;
    const message = this.#options.sets(this.name, this.#other, bytes, this.#silent);
    if (this.#silent) return;
    if (!this.#fullByChance && this.#options.runtime.buggify?.('a socket is full') === true) this.#fill();
    const { pieces } = message;
    const slicing = pieces === undefined ? 0 : (Math.ceil(message.bytes.length / pieces.bytes) - 1) * pieces.gap;
    for (let copy = 0; copy < message.copies; copy++) {
      // In memory of its own, as what comes from a socket.
      const shared = this.#options.logged || copy > 0;
      const cargo: Cargo = { kind: 'message', bytes: shared ? message.bytes.slice() : message.bytes };
      if (message.behindNext) this.lane.sendBehindNext(cargo, swapPatience);
      else this.lane.send(cargo, message.extraDelay + Math.max(0, slicing));
    }
  }

  // As if the network took nothing for a while: messages wait in the send queue meanwhile.
  #fill(): void {
    const { runtime, random } = this.#options;
    this.#fullByChance = true;
    this.#options.full(this.name, true);
    runtime.schedule(
      () => {
        this.#fullByChance = false;
        this.#options.full(this.name, false);
        if (this.#open && this.lane.bufferedBytes <= drainedBytes) this.#drained.next();
      },
      1 + random.below(maxFullTime),
    );
  }

  silence(): void {
    this.#silent = true;
    this.lane.kill();
  }

  arrived(cargo: Cargo): void {
    if (!this.#open) return;
    if (cargo.kind === 'message') {
      this.#options.arrives(this.name, cargo.bytes);
      this.#inbound.next(cargo.bytes);
      return;
    }
    this.#end();
    if (cargo.kind === 'close') {
      if (cargo.error === undefined) this.#inbound.complete();
      else this.#inbound.error(cargo.error);
    } else {
      this.#ended('broken', cargo.reason);
      this.#inbound.error(new Error(cargo.reason));
    }
  }

  #close(cargo: Cargo, text: string): void {
    if (!this.#open) return;
    this.#end();
    this.#ended(cargo.kind === 'close' ? 'closed' : 'broken', text);
    // What was sent before arrives before; over a half-open line the other end is never notified.
    this.lane.send(cargo);
    this.#inbound.complete();
  }

  #end(): void {
    this.#open = false;
    this.#slabs.release();
    this.#options.endClosed(this.name);
  }
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
