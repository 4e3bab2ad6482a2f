import { Flag, isSentByCaller, Op, opensMux } from '../wire/ops.js';
import type { MuxId } from '../wire/frame.js';
import type { By, FrameRecord, Recording, RouteRecord } from './records.js';

/** How a call ended; `open`: it had not when the recording ended. */
export type CallEnd = 'ok' | 'error' | 'refused' | 'cancelled' | 'lost' | 'open';

/** One call of a recording: its frames, in order. */
export interface RecordedCall {
  readonly link: number;
  /** The other end: name of a host, or identity of a leaf. */
  readonly peer: string;
  /** Name of its caller. */
  readonly by: By;
  readonly mux: MuxId;
  readonly route: RouteRecord | undefined;
  /** The frame that opened it; undefined where that was before the recording. */
  readonly opening: FrameRecord | undefined;
  readonly frames: readonly FrameRecord[];
  readonly end: CallEnd;
  /** When it ended, or when the recording did, in ms. */
  readonly endedAt: number;
  /** True where records are missing while it was open, so that some of its frames may be. */
  readonly incomplete: boolean;
}

interface Draft extends RecordedCall {
  readonly frames: FrameRecord[];
  end: CallEnd;
  endedAt: number;
  incomplete: boolean;
}

/** The calls of a recording, in the order in which they began. Frames of calls that have ended before are left out. */
export function recordedCalls({ records }: Recording): readonly RecordedCall[] {
  const calls: Draft[] = [];
  // By connection: a connection that closes ends its own calls without a search through all of them.
  const open = new Map<number, Map<string, Draft>>();
  const peers = new Map<number, string>();
  const routes = new Map<number, RouteRecord>();
  const openOf = (link: number): Map<string, Draft> => {
    let found = open.get(link);
    if (found === undefined) open.set(link, (found = new Map<string, Draft>()));
    return found;
  };
  const add = (call: Omit<RecordedCall, 'frames' | 'end' | 'endedAt' | 'incomplete'>): void => {
    const draft: Draft = { ...call, frames: [], end: 'open', endedAt: records.at(-1)?.t ?? 0, incomplete: false };
    calls.push(draft);
    openOf(call.link).set(callKey(call.by, call.mux), draft);
  };
  for (const record of records) {
    if (record.kind === 'route') routes.set(record.route, record);
    else if (record.kind === 'opened') {
      const { link, host: peer } = record;
      peers.set(link, peer);
      for (const { mux, by, route } of record.calls) {
        add({ link, peer, by, mux, route: routes.get(route), opening: undefined });
      }
    } else if (record.kind === 'closed') {
      for (const call of openOf(record.link).values()) endWith(call, 'lost', record.t);
      open.delete(record.link);
    } else if (record.kind === 'gap') {
      for (const calls of open.values()) for (const call of calls.values()) call.incomplete = true;
    } else if (record.kind === 'frame' && record.mux !== 0) takeFrame(record);
  }
  return calls;

  function takeFrame(frame: FrameRecord): void {
    const { link, mux, op, t } = frame;
    const by = callerOf(frame);
    if (opensMux(op)) {
      const route = frame.route === undefined ? undefined : routes.get(frame.route);
      add({ link, peer: peers.get(link) ?? `link ${String(link)}`, by, mux, route, opening: frame });
    }
    const call = openOf(link).get(callKey(by, mux));
    if (call === undefined) return;
    call.frames.push(frame);
    const end = endOf(frame);
    if (end !== undefined) endWith(call, end, t);
  }

  function endWith(call: Draft, end: CallEnd, t: number): void {
    call.end = end;
    call.endedAt = t;
    openOf(call.link).delete(callKey(call.by, call.mux));
  }
}

/** The side that made the call of a frame. */
export function callerOf({ op, by }: Pick<FrameRecord, 'op' | 'by'>): By {
  return isSentByCaller(op) === (by === 'local') ? 'local' : 'remote';
}

/** Records that are missing in a recording, because its reader was too slow. */
export function missingRecords({ records }: Recording): number {
  return records.reduce((sum, record) => sum + (record.kind === 'gap' ? record.records : 0), 0);
}

/** How a frame ends its call; undefined where it does not. */
export function endOf({ op, flags }: Pick<FrameRecord, 'op' | 'flags'>): CallEnd | undefined {
  const failed = (flags & Flag.PayloadIsErr) !== 0;
  if (op === Op.Response) return failed ? 'error' : 'ok';
  if (op === Op.MuxConnectError) return 'refused';
  if (op === Op.DisconnectServerMux) return 'cancelled';
  if (op === Op.DisconnectClientMux) return 'error';
  if (op === Op.MuxServerMsg && (flags & Flag.Eof) !== 0) return failed ? 'error' : 'ok';
  return undefined;
}

/** True where a data frame of a stream has an item: the last one may have none. */
export function hasItem({ size, flags }: Pick<FrameRecord, 'size' | 'flags'>): boolean {
  return size > 0 || (flags & Flag.PayloadIsZero) !== 0 || (flags & Flag.Eof) === 0;
}

/** Distinguishes a call from the others of its connection. */
export function callKey(by: By, mux: MuxId): string {
  return `${by} ${String(mux)}`;
}
