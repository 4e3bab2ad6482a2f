/**
 * A recording becomes a test: the handlers of the test take the place of the recorded host, and the hosts and leaves
 * that it was connected with are played from the recording.
 */

import { anObject, checkOptions, oneOf, timerMs, withMethods, type Rule } from '../../check.js';
import type { RouteConnection } from '../../calls/route-connection.js';
import type { HostConnection } from '../../connection/host-connection.js';
import { agree, announcedExtensions, type Agreement } from '../../connection/handshake.js';
import { Registry } from '../../handlers/registry.js';
import type { Handles } from '../../contract/handler.js';
import { Endpoint, endpointRules, type EndpointOptions } from '../../endpoint/endpoint.js';
import { ConfigurationError } from '../../errors.js';
import { missingRecords, recordedCalls, type RecordedCall } from '../../recording/recorded-calls.js';
import { RecordingError } from '../../recording/recording-error.js';
import { recordOfFrame } from '../../recording/record-of-frame.js';
import type { OpenedRecord, Recording, WireRecord } from '../../recording/records.js';
import type { Runtime } from '../../runtime.js';
import { RouteBook } from '../frames/route-book.js';
import { taughtHandles } from '../frames/taught-routes.js';
import { lacksPayloads, PlayedPeer } from './played-peer.js';
import { differenceOf, outcomeOf, requestOf, routeOf, type ReplayedCall } from './replayed-call.js';

/** Options of {@link replay}. */
export interface ReplayOptions extends Omit<EndpointOptions, 'runtime'> {
  /** The clock of the test: `clock` of `gridTest`. */
  readonly runtime: Runtime;
  /** Time in ms that the host has for answers after the end of the recording. Default 1 000. */
  readonly linger?: number;
  /**
   * True: a recording that lacks records, because its reader was too slow, is replayed without the calls that were open
   * at that time. Default false: it is refused, because calls that began meanwhile are unknown, and so are the answers
   * to them.
   */
  readonly allowGaps?: boolean;
}

/** What {@link Replay.run} found. */
export interface ReplayReport {
  /** The calls, in the order in which they began. */
  readonly calls: readonly ReplayedCall[];
  /** Where what the host sends now differs from the recording, a line for each call; times may differ. */
  readonly differences: readonly string[];
  /**
   * Calls of the recording that cannot be replayed: they were open when it began, their payloads were too large, or
   * records of them may be missing (`allowGaps`).
   */
  readonly skipped: number;
  /** Records that the recording lacks (`allowGaps`). */
  readonly missing: number;
}

/** The recorded host, with handlers of the test. */
export interface Replay extends Handles {
  /** Name of the recorded host. */
  readonly host: string;
  /** Replays the recording once, and closes. Rejects where it was run before. */
  run(): Promise<ReplayReport>;
}

const defaultLinger = 1_000;

const rules: Readonly<Record<keyof ReplayOptions, Rule>> = {
  ...endpointRules,
  runtime: withMethods('a Runtime, such as the clock of gridTest', 'now', 'wallNow', 'random', 'defer', 'schedule'),
  linger: timerMs,
  allowGaps: oneOf(true, false),
};

/**
 * Makes a host of a recording, without handlers: register them, then `run()`. What the other hosts and leaves sent
 * comes again, at its times. A call that a handler makes is answered as the recorded one was: the n-th call of a route
 * as the n-th one.
 *
 * @throws RecordingError for a recording without payloads, which cannot be replayed, and for one that lacks records,
 * unless `allowGaps` is set.
 * @throws ConfigurationError for an invalid option.
 */
export function replay(recording: Recording, options: ReplayOptions): Replay {
  checkOptions({ recording, options }, { recording: anObject, options: anObject }, { of: 'replay' });
  checkOptions(options, rules, { of: 'replay', required: ['runtime'] });
  if (!recording.header.payloads) {
    throw new RecordingError('The recording has no payloads, so it cannot be replayed: record with --payloads.');
  }
  const missing = missingRecords(recording);
  if (missing > 0 && options.allowGaps !== true) {
    throw new RecordingError(
      `The recording lacks ${String(missing)} records, because its reader was too slow: record fewer connections (--peer), or less at a time. allowGaps replays the calls that are whole.`,
    );
  }
  return new ReplayedHost(recording, options);
}

class ReplayedHost implements Replay {
  readonly host: string;
  readonly handle: Handles['handle'];
  readonly handleAll: Handles['handleAll'];
  readonly handleRaw: Handles['handleRaw'];
  readonly #recording: Recording;
  readonly #options: ReplayOptions;
  readonly #endpoint: Endpoint;
  readonly #book: RouteBook;
  readonly #hosts = new Map<string, { readonly connection: HostConnection; readonly routes: RouteConnection }>();
  readonly #leaves: HostConnection[] = [];
  readonly #peers = new Map<number, PlayedPeer>();
  readonly #sent: WireRecord[] = [];
  #start = 0;
  #ran = false;

  constructor(recording: Recording, options: ReplayOptions) {
    this.host = recording.header.host;
    this.#recording = recording;
    this.#options = options;
    this.#endpoint = new Endpoint(options, (host, parent) => this.#routesTo(host).onBehalfOf(parent));
    this.#book = new RouteBook(options.codec);
    const { handle, handleAll, handleRaw } = taughtHandles(new Registry(this.#endpoint.serving), this.#book);
    this.handle = handle;
    this.handleAll = handleAll;
    this.handleRaw = handleRaw;
    for (const record of recording.records)
      if (record.kind === 'opened' && record.peer === 'host') this.#hostOf(record);
  }

  async run(): Promise<ReplayReport> {
    if (this.#ran) throw new Error('This replay has run. Make another one of the recording.');
    this.#ran = true;
    const { runtime, linger = defaultLinger } = this.#options;
    await this.#endpoint.prepare();
    this.#start = runtime.now();
    const links = new Set(this.#recording.records.flatMap((each) => (each.kind === 'opened' ? [each.link] : [])));
    const recorded = recordedCalls(this.#recording).map((call) => {
      // Calls of the host are counted, so that the n-th one gets its answer, or the reason why there is none.
      const isPlayed = links.has(call.link) && (call.by === 'local' || !(call.incomplete || lacksPayloads(call)));
      return isPlayed ? call : { ...call, opening: undefined };
    });
    for (const record of this.#recording.records) {
      if (record.kind === 'opened') this.#at(record.t, () => this.#open(record, recorded));
      else if (record.kind === 'closed') this.#at(record.t, () => this.#peers.get(record.link)?.close());
    }
    const length = this.#recording.records.at(-1)?.t ?? 0;
    await new Promise<void>((resolve) => runtime.schedule(resolve, length + linger));
    this.#sent.push({ kind: 'end', t: length + linger, reason: '' });
    this.#close();
    return this.#report(recorded);
  }

  #at(t: number, task: () => void): void {
    if (t <= this.#options.runtime.now() - this.#start) task();
    else this.#options.runtime.schedule(task, t);
  }

  #open(record: OpenedRecord, recorded: readonly RecordedCall[]): void {
    const { link, host, peer: kind } = record;
    this.#sent.push({ ...record, calls: [] });
    const agreement = agreementOf(record);
    const peer = new PlayedPeer({
      ...{ runtime: this.#options.runtime, start: this.#start },
      calls: recorded.filter((call) => call.link === link),
      onFrame: (by, frame) => {
        const t = this.#options.runtime.now() - this.#start;
        // The payload is lent.
        const payload = frame.payload.slice();
        this.#sent.push(recordOfFrame({ ...frame, payload }, { t, link, by }));
      },
    });
    this.#peers.set(link, peer);
    const connection = kind === 'host' ? this.#hostOf(record).connection : this.#endpoint.connect(host).connection;
    if (kind === 'leaf') this.#leaves.push(connection);
    const caller = { name: host, kind };
    connection.open(
      this.#endpoint.link(connection, { socket: peer.socket, agreement, remoteId: this.#endpoint.id, caller }),
    );
    peer.start();
  }

  #report(recorded: readonly RecordedCall[]): ReplayReport {
    let skipped = 0;
    const left = [...recordedCalls({ header: this.#recording.header, records: this.#sent, truncated: false })];
    const calls: { readonly call: ReplayedCall; readonly order: number }[] = [];
    const add = (then: RecordedCall | undefined, now: RecordedCall | undefined): void => {
      const shown = then ?? now!;
      const at = shown.opening!.t;
      calls.push({ call: this.#callOf(shown, at, then, now), order: at });
    };
    for (const then of recorded) {
      const index = then.opening === undefined ? -1 : left.findIndex((now) => isSameCall(then, now));
      const [now] = index === -1 ? [] : left.splice(index, 1);
      if (then.opening === undefined || then.incomplete) skipped++;
      else add(then, now);
    }
    for (const now of left) add(undefined, now);
    const sorted = calls.sort((one, other) => one.order - other.order).map(({ call }) => call);
    const differences = sorted.flatMap((call) => differenceOf(call) ?? []);
    const missing = missingRecords(this.#recording);
    return { calls: sorted, differences, skipped, missing };
  }

  #callOf(
    shown: RecordedCall,
    at: number,
    then: RecordedCall | undefined,
    now: RecordedCall | undefined,
  ): ReplayedCall {
    const { handler } = shown.opening!;
    return {
      route: routeOf(shown, this.#book)?.name ?? then?.route?.name ?? `handler ${String(handler)}`,
      ...{ peer: shown.peer, by: shown.by, at, request: requestOf(shown, this.#book) },
      recorded: then && outcomeOf(then, this.#book),
      replayed: now && outcomeOf(now, this.#book),
    };
  }

  #hostOf({ host }: OpenedRecord) {
    let found = this.#hosts.get(host);
    if (found === undefined) this.#hosts.set(host, (found = this.#endpoint.connect(host)));
    return found;
  }

  #routesTo(host: string): RouteConnection {
    const found = this.#hosts.get(host)?.routes;
    if (found !== undefined) return found;
    throw new ConfigurationError(`${host} is no host of the recording. It has ${[...this.#hosts.keys()].join(', ')}.`);
  }

  #close(): void {
    for (const peer of this.#peers.values()) peer.close();
    for (const { connection } of this.#hosts.values()) connection.close();
    for (const connection of this.#leaves) connection.close();
    this.#endpoint.close();
  }
}

function isSameCall(then: RecordedCall, now: RecordedCall): boolean {
  if (then.link !== now.link || then.by !== now.by) return false;
  if (then.by === 'remote') return then.mux === now.mux;
  const [one, other] = [then.opening!, now.opening!];
  return one.op === other.op && one.handler === other.handler && String(one.subroute) === String(other.subroute);
}

function agreementOf({ extended, extensions }: OpenedRecord): Agreement {
  const remote = extended ? Object.fromEntries(extensions.map((name) => [name, 1])) : undefined;
  return agree(announcedExtensions('off'), remote, false);
}
