import { NEVER, Observable } from 'rxjs';
import { ProtocolError } from '../../../lib/errors.js';
import { timestampFromMs, timestampToMs } from '../../../lib/wire/msgpack/timestamp.js';
import { Manager, staticToken, type Connection } from '../../../lib/index.js';
import { createChecksum, type Checksum } from '../../../lib/wire/checksum.js';
import { encodeConnectRequest, encodeConnectResponse } from '../../../lib/wire/payloads/connect.js';
import { decodePing, encodePong } from '../../../lib/wire/payloads/control.js';
import { decodeFrame, decodeFrames } from '../../../lib/wire/decode.js';
import { FrameView, type Frame, type MuxId } from '../../../lib/wire/frame.js';
import { Flag, Op, opName } from '../../../lib/wire/ops.js';
import { frameOf, messageOf } from '../protocol/frames.js';
import { PlayedCredit } from './played-credit.js';
import { PlayedSocket, PlayedWebSocket, ReplayTime, type PlayedEnd } from './played-socket.js';
import { RecordedCall, type Consumer } from './recorded-calls.js';
import { registerRecordedHandlers } from './recorded-handlers.js';
import { recordedTime, showsHandshake, type HandlerEvent, type Side, type WholeRecording } from './recordings.js';
import { muxName, openerOf, otherSide, sentFrame, type ExpectedFrame, type SentFrame } from './replay-frames.js';

/** What a replay needs to know that its recording does not say. */
export interface Score {
  /** What our side must send, by step: a step of the other side waits for what comes before it. */
  readonly expected: readonly ExpectedFrame[];
  /** How long our side may take for a step, in ms. Default 0: it does what it does at once. */
  readonly patience?: number;
  /** What happens before a step: time that passes, mostly. */
  readonly before?: Readonly<Record<number, (replay: Replay) => Promise<void> | void>>;
  /** Steps that come in the same turn of the event loop as the one before them. */
  readonly burst?: readonly number[];
  /** How our callers take what comes. Default: at once. */
  readonly consumer?: (time: ReplayTime) => Consumer;
  /** True: our callers use typed contracts. */
  readonly typed?: boolean;
  /** True: the socket is that of `ws`. */
  readonly webSocket?: boolean;
}

/** Our mux ids towards a reference peer: wire protocol, section 2.1. */
const firstOwnId = 2 ** 40;
/** The token of all recordings. */
const token = 'debug';
/** After the last step our side has this long to do what it should not do. */
const afterwards = 2_000;

/** A dial by our side. */
export interface PlayedDial {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * Our manager in the role of one side of a recording; the other side is played as it was recorded. Recordings have no
 * times: each step waits until our side has sent what the recording shows before it, and what needs no time has
 * happened.
 */
export class Replay {
  readonly recording: WholeRecording;
  readonly role: Side;
  readonly time: ReplayTime;
  readonly manager: Manager;
  /** What our side sent, in order, but for the ping that follows the handshake. */
  readonly sent: SentFrame[] = [];
  readonly events: HandlerEvent[] = [];
  readonly calls: RecordedCall[] = [];
  readonly dials: PlayedDial[] = [];
  /** What our side sent that no frame of it may be. */
  readonly faults: string[] = [];
  /** Pings that followed a handshake: one for each connection. */
  greetings = 0;

  readonly #score: Score;
  readonly #credit = new PlayedCredit();
  #checksum!: Checksum;
  readonly #ends: PlayedEnd[] = [];
  // Our calls by the recording's mux id, and their ids here.
  readonly #callById = new Map<string, RecordedCall>();
  readonly #ownIds = new Map<string, number>();
  #greeted = false;

  constructor(recording: WholeRecording, role: Side, score: Score) {
    this.recording = recording;
    this.role = role;
    this.#score = score;
    this.time = new ReplayTime(1, recordedTime(recording));
    const { dialer, acceptor } = recording;
    this.manager = new Manager({
      local: recording[role],
      hosts: [dialer, acceptor],
      auth: staticToken(token),
      runtime: this.time,
      dial: (url, { headers }) => {
        this.dials.push({ url, headers });
        if (role === 'acceptor') return NEVER;
        return new Observable((subscriber) => {
          subscriber.next(this.plug().socket);
        });
      },
    });
    registerRecordedHandlers(
      this.manager,
      async (ms) => this.time.sleep(ms),
      (event) => this.events.push(event),
    );
  }

  /** How our side left its sockets. */
  get ends(): string[] {
    return this.#ends.map(({ state }) => state);
  }

  /** Our connection to the other side. */
  get connection(): Connection {
    return this.manager.connection(this.recording[otherSide(this.role)]);
  }

  /** Plays the whole recording. */
  async run(): Promise<void> {
    this.#checksum = await createChecksum();
    await this.manager.start();
    await this.time.settle();
    if (this.role === 'acceptor') this.accept();
    if (!showsHandshake(this.recording)) await this.#shakeHands();
    const { before, burst, patience = 0, expected } = this.#score;
    for (const [index, step] of this.recording.steps.entries()) {
      await before?.[index]?.(this);
      if (step.kind === 'upgrade') continue;
      if (step.from === this.role) {
        if (step.kind === 'message') await this.#act(step.bytes);
        const due = expected.filter((frame) => frame.step <= index);
        await this.time.until(
          () => this.#hasSent(due) && (step.kind === 'message' || this.#ends[0]?.state !== 'open'),
          patience,
        );
      } else if (step.kind === 'message') {
        await this.#play(step.bytes);
        if (burst?.includes(index + 1) !== true) await this.time.settle();
      }
    }
    await this.time.pass(afterwards);
  }

  /** A new socket, whose other end is played. */
  plug(): PlayedEnd {
    const onMessage = (message: Uint8Array): void => {
      this.#onMessage(message);
    };
    this.#greeted = false;
    const end = this.#score.webSocket === true ? new PlayedWebSocket(onMessage) : new PlayedSocket(onMessage);
    this.#ends.push(end);
    return end;
  }

  /** Our side is dialed. */
  accept(): PlayedEnd {
    const end = this.plug();
    this.manager.accept(end.socket);
    return end;
  }

  // The one that is played: the latest.
  get #end(): PlayedEnd {
    return this.#ends.at(-1)!;
  }

  text(text: string): void {
    this.#end.receiveText(text);
  }

  /** Everything that the other side would have said before an open connection was recorded: without extensions. */
  async #shakeHands(): Promise<void> {
    const id = new Uint8Array(16).fill(7);
    const { dialer } = this.recording;
    const time = timestampFromMs(this.time.wallNow());
    const payload =
      this.role === 'acceptor'
        ? encodeConnectRequest({ id, host: dialer, time, token })
        : encodeConnectResponse({ id, accepted: true, rejectedReason: '' });
    this.#end.receive(messageOf([frameOf(this.role === 'acceptor' ? Op.Connect : Op.ConnectResponse, 0, { payload })]));
    await this.time.settle();
    this.sent.length = 0;
  }

  /** Makes our side do what its recorded callers did in this message; handlers act by themselves. */
  async #act(message: Uint8Array): Promise<void> {
    for (const frame of this.#decode(message)) {
      const id = String(frame.muxId);
      if (frame.op === Op.Request || frame.op === Op.ConnectMux) {
        this.#ownIds.set(id, firstOwnId + this.#ownIds.size);
        this.#credit.open(muxName(this.role, id), frame.handler);
        const { typed = false, consumer } = this.#score;
        const call = new RecordedCall(this.connection, frame, { typed, consumer: consumer?.(this.time) });
        this.calls.push(call);
        this.#callById.set(id, call);
      } else if (frame.op === Op.MuxClientMsg) {
        const { input } = this.#callById.get(id)!;
        if ((frame.flags & Flag.Eof) === 0) input.next(frame.payload);
        else input.complete();
      }
    }
    await this.time.settle();
  }

  /**
   * Gives a recorded message to our side: byte for byte, unless it names muxes of ours, whose ids differ, or holds more
   * items than our side has granted, for which a peer would have waited.
   */
  async #play(message: Uint8Array): Promise<void> {
    const frames = this.#decodeAnything(message);
    const hold = !this.recording.handMade;
    const { patience = 0 } = this.#score;
    let waiting: Frame[] = [];
    let changed = false;
    for (const frame of frames) {
      const mux = muxName(openerOf(frame.op, otherSide(this.role)), String(frame.muxId));
      if (hold && !this.#credit.mayPlay(mux, frame)) {
        changed = true;
        if (waiting.length > 0) this.#deliver(waiting);
        waiting = [];
        if (!(await this.time.until(() => this.#credit.mayPlay(mux, frame), patience))) {
          throw new Error(`The recorded peer would wait for ever for credit on mux ${mux}.`);
        }
      }
      this.#credit.play(mux, frame);
      const own = openerOf(frame.op, otherSide(this.role)) === this.role && this.#ownIds.get(String(frame.muxId));
      if (own) changed = true;
      waiting.push(own ? { ...frame, muxId: own } : frame);
    }
    if (changed) this.#deliver(waiting);
    else this.#end.receive(message);
  }

  #deliver(frames: readonly Frame[]): void {
    this.#end.receive(messageOf(frames, (bytes) => this.#checksum.hash(bytes)));
  }

  #onMessage(message: Uint8Array): void {
    this.#checkChecksum(message);
    for (const frame of this.#decode(message)) {
      if (frame.op === Op.Ping && frame.muxId === 0) this.#checkPing(frame);
      // The first one only learns the round-trip time. A reference peer answers it, and its recording knows nothing of
      // it.
      if (frame.op === Op.Ping && frame.muxId === 0 && !this.#greeted) {
        this.#greeted = true;
        this.greetings++;
        this.#answerGreeting(frame.payload);
        continue;
      }
      const sent = sentFrame(frame, this.role, (opener, id) => this.#recordedId(opener, id));
      this.sent.push(sent);
      if (!this.#credit.sent(sent)) this.faults.push(`${sent.op} #${sent.seq} on mux ${sent.mux} without credit`);
    }
  }

  #answerGreeting(ping: Uint8Array): void {
    const end = this.#end;
    const payload = encodePong({ unknown: false, error: undefined, time: decodePing(ping).time });
    queueMicrotask(() => {
      end.receive(messageOf([frameOf(Op.Pong, 0, { payload })]));
    });
  }

  #recordedId(opener: Side, id: MuxId): string {
    if (opener !== this.role) return String(id);
    for (const [recorded, own] of this.#ownIds) if (own === id) return recorded;
    return `${id} (none of ours)`;
  }

  // One checksum a message, on its outermost tuple: wire protocol, section 3.
  #checkChecksum(message: Uint8Array): void {
    const outer = new FrameView();
    decodeFrame(message, 0, message.length, outer, (bytes) => this.#checksum.hash(bytes));
    const bare = outer.muxId === 0 && outer.op <= Op.Ping;
    if (((outer.flags & Flag.Crc) === 0) !== bare) this.faults.push(`checksum of ${opName(outer.op) ?? '?'}`);
    if (outer.op !== Op.Merged) return;
    for (const { op, flags } of this.#decode(message)) {
      if ((flags & Flag.Crc) !== 0) this.faults.push(`checksum of ${opName(op) ?? '?'} within a message`);
    }
  }

  #checkPing({ payload }: Frame): void {
    const late = Math.abs(timestampToMs(decodePing(payload).time) - this.time.wallNow());
    if (late > 0.001) this.faults.push(`the time of a Ping is ${late} ms off`);
  }

  #decode(message: Uint8Array): Frame[] {
    return decodeFrames(message, (bytes) => this.#checksum.hash(bytes));
  }

  // Hand-made messages may be no frames.
  #decodeAnything(message: Uint8Array): Frame[] {
    try {
      return this.#decode(message);
    } catch (error) {
      if (this.recording.handMade && error instanceof ProtocolError) return [];
      throw error;
    }
  }

  #hasSent(due: readonly ExpectedFrame[]): boolean {
    const missing = new Map<string, number>();
    const count = (frame: SentFrame, by: number): void => {
      const key = `${frame.mux} ${frame.op}`;
      missing.set(key, (missing.get(key) ?? 0) + by);
    };
    for (const frame of due) count(frame, 1);
    for (const frame of this.sent) count(frame, -1);
    return [...missing.values()].every((left) => left <= 0);
  }
}
