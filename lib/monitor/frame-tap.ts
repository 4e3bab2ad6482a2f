/**
 * The frames on the connections of one endpoint, as the records of a recording. It decodes each message a second time,
 * and only while there is a subscriber.
 */

import { Observable, type Subscriber } from 'rxjs';
import type { ObservedFrame } from '../connection/link.js';
import { reservedIds } from '../contract/reserved-ids.js';
import { toAddress, type WireRoute } from '../contract/wire-route.js';
import { errorText } from '../errors.js';
import { maxRecordedPayload } from '../bounds.js';
import { recordOfFrame } from '../recording/record-of-frame.js';
import { callerOf, callKey, endOf } from '../recording/recorded-calls.js';
import { extensionNames, type By, type OpenCall, type OpenedRecord, type WireRecord } from '../recording/records.js';
import { Op, opensMux } from '../wire/ops.js';
import { subrouteKey } from '../wire/subroute.js';
import type { MuxId } from '../wire/frame.js';
import type { Endpoint } from '../endpoint/endpoint.js';
import type { OpenLink } from '../endpoint/link-list.js';

/** Options of a tap. */
export interface TapOptions {
  /** True: with payloads, metadata and details of errors. */
  readonly payloads: boolean;
  /** Only the connections to this host, or of leaves with this identity. Default: all. */
  readonly peer?: string | undefined;
  /** Name of this host: its connection to itself is left out. */
  readonly local: string;
}

/**
 * Handlers whose calls are left out: the control of hosts and leaves, which carries tokens, and the monitor, since a
 * recording that is read over a connection would record itself.
 */
const hiddenHandlers: ReadonlySet<number> = new Set([reservedIds.duplicateHost, reservedIds.control]);
/** Ended calls of hidden routes whose late frames are still left out, for each connection. */
const maxHiddenEnded = 1_000;

/** The records, from the connections that are open at the subscription on. Completes when the endpoint is closed. */
export function tapFrames(endpoint: Endpoint, options: TapOptions): Observable<WireRecord> {
  return new Observable<WireRecord>((subscriber) => {
    const tap = new FrameTap(endpoint, options, subscriber);
    for (const entry of endpoint.links.open) tap.watch(entry);
    subscriber.add(
      endpoint.links.opened$.subscribe({
        next: (entry) => {
          tap.watch(entry);
        },
        complete: () => {
          subscriber.complete();
        },
      }),
    );
  });
}

class FrameTap {
  readonly #endpoint: Endpoint;
  readonly #options: TapOptions;
  readonly #subscriber: Subscriber<WireRecord>;
  readonly #began: number;
  readonly #routes: RouteNumbers;
  #links = 0;

  constructor(endpoint: Endpoint, options: TapOptions, subscriber: Subscriber<WireRecord>) {
    this.#endpoint = endpoint;
    this.#options = options;
    this.#subscriber = subscriber;
    this.#began = endpoint.runtime.now();
    this.#routes = new RouteNumbers(endpoint);
  }

  watch(entry: OpenLink): void {
    const { host, link } = entry;
    const { local, peer } = this.#options;
    if (host === local || (peer !== undefined && host !== peer)) return;
    const number = ++this.#links;
    const muxes = new TappedMuxes();
    this.#emit(this.#openedRecord(entry, number, muxes));
    this.#subscriber.add(
      link.frames$.subscribe((frame) => {
        this.#frame(number, muxes, frame);
      }),
    );
    this.#subscriber.add(
      link.closed.subscribe((error) => {
        const reason = error === undefined ? '' : errorText(error);
        this.#emit({ kind: 'closed', t: this.#now(), link: number, reason });
      }),
    );
  }

  #openedRecord({ link, host, kind }: OpenLink, number: number, muxes: TappedMuxes): OpenedRecord {
    const calls: OpenCall[] = [];
    const { incoming, outgoing } = link.engine.muxes;
    const known = this.#routes.ofStreams();
    for (const [by, list] of [
      ['remote', incoming],
      ['local', outgoing],
    ] as const) {
      for (const mux of list) {
        const route = known.get(mux);
        if (route === undefined) continue;
        if (hiddenHandlers.has(route.handler)) muxes.hide(by, mux.id);
        else calls.push({ mux: mux.id, by, route: this.#numberOf(route) });
      }
    }
    const { agreement } = link;
    return {
      ...{ kind: 'opened', t: this.#now(), link: number, host, peer: kind, extended: agreement.extended },
      extensions: extensionNames.filter((name) => agreement[name]),
      calls,
    };
  }

  #frame(link: number, muxes: TappedMuxes, { direction, frame }: ObservedFrame): void {
    const by: By = direction === 'out' ? 'local' : 'remote';
    const { op, muxId, handler, payload, extra, subroute } = frame;
    if (muxes.skips(by, frame)) return;
    const route = opensMux(op) ? this.#routes.find(handler, subroute) : undefined;
    const shown = this.#options.payloads && payload.length <= maxRecordedPayload;
    this.#emit({
      ...recordOfFrame(frame, { t: this.#now(), link, by }),
      payload: shown || muxId === 0 || isCount(op) ? payload : undefined,
      extra: this.#options.payloads ? extra : undefined,
      route: route === undefined ? undefined : this.#numberOf(route),
    });
  }

  #numberOf(route: WireRoute): number {
    const { number, isNew } = this.#routes.numberOf(route);
    if (isNew) {
      this.#emit({
        ...{ kind: 'route', t: this.#now(), route: number, name: route.name, type: route.kind, handler: route.handler },
        ...{ request: route.request.codec, output: route.output.codec, input: route.input?.codec },
      });
    }
    return number;
  }

  #now(): number {
    return this.#endpoint.runtime.now() - this.#began;
  }

  #emit(record: WireRecord): void {
    this.#subscriber.next(record);
  }
}

// Credits and windows are of the protocol, not of the user.
function isCount(op: number): boolean {
  return op === Op.UnblockClMux || op === Op.UnblockSrvMux || op === Op.AckMux || op === Op.Ping || op === Op.Pong;
}

/** The calls of one connection that are left out. */
class TappedMuxes {
  readonly #hidden = new Set<string>();
  readonly #ended: string[] = [];

  hide(by: By, mux: MuxId): void {
    this.#hidden.add(callKey(by, mux));
  }

  /** True for a frame of a call that is left out. */
  skips(by: By, { op, muxId, handler, flags }: ObservedFrame['frame']): boolean {
    if (muxId === 0) return false;
    const key = callKey(callerOf({ op, by }), muxId);
    if (opensMux(op)) {
      if (!hiddenHandlers.has(handler)) this.#hidden.delete(key);
      else this.#hidden.add(key);
    }
    if (!this.#hidden.has(key)) return false;
    if (endOf({ op, flags }) !== undefined) this.#end(key);
    return true;
  }

  #end(key: string): void {
    this.#ended.push(key);
    if (this.#ended.length > maxHiddenEnded) this.#hidden.delete(this.#ended.shift()!);
  }
}

/** The routes that an endpoint knows: those with a handler, and those that it has called. */
class RouteNumbers {
  readonly #endpoint: Endpoint;
  readonly #numbers = new Map<WireRoute, number>();
  #byAddress = new Map<string, WireRoute>();
  #seen = '';

  constructor(endpoint: Endpoint) {
    this.#endpoint = endpoint;
  }

  find(handler: number, subroute: Uint8Array | undefined): WireRoute | undefined {
    const { handlers } = this.#endpoint;
    const metered = this.#metered();
    // Meters are never removed.
    const seen = `${handlers?.revision ?? 0} ${metered.length}`;
    if (seen !== this.#seen) {
      this.#seen = seen;
      const all = [...metered, ...(handlers?.served ?? [])].map(({ route }) => route);
      this.#byAddress = new Map(all.map((route) => [addressKey(toAddress(route)), route]));
    }
    return this.#byAddress.get(addressKey({ handler, subroute }));
  }

  /** The routes of the streams that are open now. */
  ofStreams(): ReadonlyMap<object, WireRoute> {
    const found = new Map<object, WireRoute>();
    for (const { route, meter } of this.#metered()) {
      for (const { stream } of meter.streams) found.set(stream, route);
    }
    return found;
  }

  numberOf(route: WireRoute): { readonly number: number; readonly isNew: boolean } {
    const known = this.#numbers.get(route);
    if (known !== undefined) return { number: known, isNew: false };
    const number = this.#numbers.size;
    this.#numbers.set(route, number);
    return { number, isNew: true };
  }

  #metered() {
    return (this.#endpoint.routes.meters?.all ?? []).flatMap((meter) => {
      const { route } = meter;
      return isWireRoute(route) ? [{ route, meter }] : [];
    });
  }
}

// The meter that counts all further routes together has a name only.
function isWireRoute(route: object): route is WireRoute {
  return 'handler' in route;
}

function addressKey({ handler, subroute }: { readonly handler: number; readonly subroute?: Uint8Array | undefined }) {
  return subroute === undefined ? String(handler) : subrouteKey(subroute);
}
