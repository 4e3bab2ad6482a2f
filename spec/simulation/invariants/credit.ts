import type { PeerKind, RouteBook } from '../../../lib/testing/index.js';
import type { FrameView } from '../../../lib/wire/frame.js';
import { Flag, Op } from '../../../lib/wire/ops.js';
import { defaultWindow } from '../../../lib/limits.js';
import { tinyWindow } from '../../../lib/mux/outgoing-calls.js';
import { decodeOpeningExtra } from '../../../lib/wire/payloads/opening-extra.js';
import { decodeAck, decodeCredit } from '../../../lib/wire/payloads/window-payloads.js';
import { describe, isEof, type MuxModel, type Seen, type WireRule } from '../wire-model.js';

/** One direction of one stream. */
interface Account {
  /** Of the sender: items that it may send, as far as it has heard. */
  credit: number;
  /** Of the receiver: items that came, and credits that it has told. */
  received: number;
  granted: number;
  /** Credits that the receiver may tell beyond what it received: a window that grows. */
  growth: number;
}

/**
 * A sender uses no more credit than it has heard of; a receiver tells no more than it got items, and in a window that
 * does not grow exactly those.
 */
export function credit(book: RouteBook, kindOf: (host: string) => PeerKind | undefined): WireRule {
  const outputs = new Map<MuxModel, Account>();
  const inputs = new Map<MuxModel, Account>();
  // Of routes of the library itself, such as those of a relay, the windows are not known here.
  const isStream = ({ mux }: Seen): boolean =>
    mux !== undefined && !mux.unary && book.find(mux.handler, mux.subroute)?.kind === 'duplex';
  const isReference = ({ circuit: { ends } }: MuxModel): boolean => ends.some((end) => kindOf(end) === 'reference');
  const accountOf = (accounts: Map<MuxModel, Account>, mux: MuxModel): Account => {
    const known = accounts.get(mux);
    if (known !== undefined) return known;
    const route = book.find(mux.handler, mux.subroute)!;
    const window = accounts === outputs ? route.outWindow : route.inWindow;
    const account = {
      // The output's comes with the ConnectMux; the input's with the AckMux.
      credit: 0,
      received: 0,
      granted: 0,
      // Towards a reference peer no window grows.
      growth: window === undefined || isReference(mux) ? 0 : window.max - window.initial,
    };
    accounts.set(mux, account);
    return account;
  };
  const use = (seen: Seen, account: Account): void => {
    if (--account.credit < 0) throw new Error(`${describe(seen)}: an item without credit`);
  };
  const grant = (seen: Seen, account: Account): void => {
    account.granted += creditsIn(seen.frame);
    if (account.granted > account.received + account.growth) {
      throw new Error(`${describe(seen)}: ${account.granted} credits told for ${account.received} items`);
    }
  };
  const announced = (mux: MuxModel, { payload }: FrameView): number =>
    payload.length > 0 ? decodeAck(payload).in : (book.find(mux.handler, mux.subroute)!.inWindow?.initial ?? 0);
  return {
    name: 'credit is never negative, and never above the grant',
    sent(seen) {
      if (!isStream(seen)) return;
      const { mux, frame } = seen as Seen & { mux: MuxModel };
      // The end of an output uses a credit too, but for a violation of the protocol, which is an error.
      if (frame.op === Op.MuxServerMsg && (frame.flags & Flag.PayloadIsErr) === 0) use(seen, accountOf(outputs, mux));
      else if (frame.op === Op.MuxClientMsg && !isEof(frame)) use(seen, accountOf(inputs, mux));
      else if (frame.op === Op.UnblockSrvMux) grant(seen, accountOf(outputs, mux));
      else if (frame.op === Op.UnblockClMux) grant(seen, accountOf(inputs, mux));
    },
    arrived(seen) {
      if (!isStream(seen)) return;
      const { mux, frame } = seen as Seen & { mux: MuxModel };
      if (frame.op === Op.ConnectMux) {
        const output = accountOf(outputs, mux);
        const { max, initial } = book.find(mux.handler, mux.subroute)!.outWindow!;
        // A peer that announces no windows goes by its own table.
        const window = frame.extra === undefined ? undefined : decodeOpeningExtra(frame.extra).window;
        if (window === undefined) {
          output.credit = initial;
          return;
        }
        const { items } = window;
        output.credit = Math.min(items, max);
        // Of the windows that are drawn, those of a few items are fixed; none of them has as many as a small one that
        // may grow.
        output.growth = items < defaultWindow.initial && items !== tinyWindow ? 0 : max - output.credit;
      } else if (frame.op === Op.MuxServerMsg && !isEof(frame)) accountOf(outputs, mux).received++;
      else if (frame.op === Op.MuxClientMsg && !isEof(frame)) accountOf(inputs, mux).received++;
      else if (frame.op === Op.UnblockSrvMux) accountOf(outputs, mux).credit += creditsIn(frame);
      else if (frame.op === Op.UnblockClMux) accountOf(inputs, mux).credit += creditsIn(frame);
      else if (frame.op === Op.AckMux) accountOf(inputs, mux).credit += announced(mux, frame);
    },
  };
}

function creditsIn({ payload }: FrameView): number {
  return payload.length === 0 ? 1 : decodeCredit(payload).credits;
}
