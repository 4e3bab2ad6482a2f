import { lastValueFrom, toArray, type Observable } from 'rxjs';
import type { Connection } from '../../../lib/index.js';
import { Flag, Op } from '../../../lib/wire/ops.js';
import { probeStream, type Probes } from './probe-routes.js';
import type { RawPeer } from './raw-peer.js';

/** What an attack has: the peer, what the host calls it with, and the handlers of the host. */
export interface Battle {
  readonly peer: RawPeer;
  /** From the host to the peer. */
  readonly connection: Connection;
  readonly probes: Probes;
  /** Ms that an answer takes at the most. */
  readonly soon: number;
  /** What the host allows. */
  readonly limits: { readonly maxOpenMuxes: number; readonly maxReceiveBytes: number };
  /** Another socket to the host, on which nobody says who they are. */
  knock(): Promise<RawPeer | undefined>;
  /** A rule of the protocol does not hold. */
  expect(met: boolean, what: string): void;
}

const bytes = new Uint8Array(8);
/** Whether a frame has an error in it. */
export const isError = ({ flags }: { readonly flags: number }): boolean => (flags & Flag.PayloadIsErr) !== 0;
/** Opens a stream at the host. */
export const open = (peer: RawPeer, handler = probeStream.id!, flags = 0): void => {
  peer.send({ op: Op.ConnectMux, handler, flags, payload: bytes });
};

/** Settles with the error code of a call, or `completed`. */
export async function codeOf(call: Observable<unknown>): Promise<string> {
  return lastValueFrom(call.pipe(toArray())).then(
    () => 'completed',
    (error: unknown) => String((error as { readonly code?: unknown }).code),
  );
}

/** A call that the host makes, and the peer answers as it likes. Settles when the call has arrived. */
export async function called(
  { peer, connection, soon }: Battle,
  options = {},
): Promise<{ readonly code: Promise<string> }> {
  const input = Array.from({ length: 10 }, () => bytes);
  const code = codeOf(connection.exchange(probeStream, bytes, () => input, options));
  await peer.until(() => peer.of(Op.ConnectMux).length > 0, soon);
  return { code };
}
