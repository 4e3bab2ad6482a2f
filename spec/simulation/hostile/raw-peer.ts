/**
 * A leaf without an engine: it sends the frames that it is told to, and keeps what comes. So it can break every rule.
 *
 *     dial ──Connect──▶ handshake ──ConnectResponse──▶ connected ──close | the host closes──▶ closed
 */

import { firstValueFrom } from 'rxjs';
import type { Cluster, VirtualClock } from '../../../lib/testing/index.js';
import { eachFrame } from '../../../lib/testing/frames/wire-log.js';
import { defaultPath } from '../../../lib/endpoint/host-name.js';
import { connectMessage } from '../../../lib/connection/handshake.js';
import { answerPing } from '../../../lib/connection/keepalive.js';
import type { Socket } from '../../../lib/transport/socket.js';
import { joinFragments } from '../../../lib/wire/batch.js';
import { encodeFrame } from '../../../lib/wire/encode.js';
import { emptyPayload, type Frame } from '../../../lib/wire/frame.js';
import { Op } from '../../../lib/wire/ops.js';
import { timestampFromMs } from '../../../lib/wire/msgpack/timestamp.js';

/** Names of hostile peers begin with it: the rules about the wire do not hold for them. */
export const hostilePrefix = 'mallory';

/** What it announces: everything that makes a host strict. */
const extensions = { ack: 1, credits: 1, bytes: 1, err: 1, meta: 1, drain: 1 };

/** See the head of this file. */
export class RawPeer {
  /** All frames of calls that came, in their order. */
  readonly frames: Frame[] = [];
  /** The host has closed the connection, or it broke. */
  closed = false;
  /** False: it does not answer the pings of the connection. */
  answersPings = true;

  readonly name: string;
  readonly #clock: VirtualClock;
  #socket!: Socket;
  #changed: (() => void)[] = [];
  #connected = false;

  private constructor(name: string, clock: VirtualClock) {
    this.name = name;
    this.#clock = clock;
  }

  /** Dials a host. Undefined: it cannot be reached. */
  static async dial(cluster: Cluster, clock: VirtualClock, name: string, host: string): Promise<RawPeer | undefined> {
    const peer = await RawPeer.open(cluster, clock, name, host);
    if (peer === undefined) return undefined;
    await peer.#introduce();
    if (peer.#connected) return peer;
    // The host may still accept it, and would keep the connection.
    peer.close();
    return undefined;
  }

  /** Opens a socket to a host, and does not say who it is. Undefined: it cannot be reached. */
  static async open(cluster: Cluster, clock: VirtualClock, name: string, host: string): Promise<RawPeer | undefined> {
    const peer = new RawPeer(name, clock);
    const dialing = firstValueFrom(cluster.network.dialer(name)(`ws://${host}${defaultPath}`, {} as never));
    const socket = await peer.within(
      dialing.catch(() => undefined),
      5_000,
    );
    if (socket === undefined) {
      void dialing.then(
        (late) => {
          late.outbound.complete();
        },
        () => undefined,
      );
      return undefined;
    }
    peer.#begin(socket);
    return peer;
  }

  /** Sends one frame as a message of its own. */
  send(frame: Partial<Frame> & { readonly op: number }): void {
    const whole = { muxId: 1, seq: 0, deadlineMs: 0, handler: 0, flags: 0, payload: emptyPayload, ...frame };
    if (!this.closed) this.#socket.outbound.next(encodeFrame(whole));
  }

  /** Sends bytes that are no message. */
  sendBytes(bytes: Uint8Array): void {
    if (!this.closed) this.#socket.outbound.next(bytes);
  }

  /** Frames with this op, of one mux. */
  of(op: number, muxId: Frame['muxId'] = 1): readonly Frame[] {
    return this.frames.filter((each) => each.op === op && each.muxId === muxId);
  }

  /** Waits until `met`, or the connection has ended, or so many ms have passed. True: it is met. */
  async until(met: () => boolean, ms: number): Promise<boolean> {
    const end = this.#clock.elapsed + ms;
    while (!met() && !this.closed && this.#clock.elapsed < end) {
      await this.within(new Promise<void>((resolve) => this.#changed.push(resolve)), end - this.#clock.elapsed);
    }
    return met();
  }

  /** Lets time pass. */
  async wait(ms: number): Promise<void> {
    await this.within(new Promise<never>(() => undefined), ms);
  }

  /** What a promise settles with; undefined where it has not after so many ms. No timer is left. */
  within<T>(work: Promise<T>, ms: number): Promise<T | undefined> {
    return new Promise((resolve, reject) => {
      const cancel = this.#clock.schedule(() => {
        resolve(undefined);
      }, ms);
      work.then(
        (value) => {
          cancel();
          resolve(value);
        },
        (error: unknown) => {
          cancel();
          reject(error);
        },
      );
    });
  }

  close(): void {
    if (!this.closed) this.#socket.outbound.complete();
    this.#end();
  }

  #begin(socket: Socket): void {
    this.#socket = socket;
    socket.inbound.subscribe({
      next: (message) => {
        eachFrame(joinFragments(message), (view) => {
          const { muxId, seq, deadlineMs, handler, op, flags } = view;
          if (op === Op.ConnectResponse) this.#connected = true;
          const frame = { muxId, seq, deadlineMs, handler, op, flags, payload: view.payload.slice() };
          if (op === Op.Ping && muxId === 0) {
            if (this.answersPings) this.send({ ...frame, op: Op.Pong, payload: answerPing(frame.payload) });
          } else this.frames.push(frame);
        });
        this.#notify();
      },
      error: () => {
        this.#end();
      },
      complete: () => {
        this.#end();
      },
    });
  }

  async #introduce(): Promise<void> {
    const hello = connectMessage({
      id: new Uint8Array(16).fill(this.name.charCodeAt(this.name.length - 1)),
      host: '',
      leaf: true,
      token: this.name,
      time: timestampFromMs(this.#clock.wallNow()),
      ext: extensions,
    });
    this.#socket.outbound.next(hello);
    await this.until(() => this.#connected, 6_000);
  }

  #end(): void {
    this.closed = true;
    this.#notify();
  }

  #notify(): void {
    const waiting = this.#changed;
    this.#changed = [];
    for (const resolve of waiting) resolve();
  }
}
