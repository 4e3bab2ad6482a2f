/**
 * Closes the socket of a link whose calls have ended.
 *
 *     rxgrid peer      ──▶ close frame
 *     reference peer   ──▶ lingering: its pings are still answered ──lingerTime, or it closes──▶ close frame
 *
 * A reference peer reports a time-out for a ping that is on its way when the connection closes. Nothing can be sent
 * behind the close frame, so that waits.
 */

import { Subscription } from 'rxjs';
import { ProtocolError } from '../errors.js';
import type { ClosedCode } from '../rejection.js';
import type { Runtime } from '../runtime.js';
import type { Socket } from '../transport/socket.js';
import type { Checksum } from '../wire/checksum.js';
import { decodeMessage } from '../wire/decode.js';
import { encodeFrame } from '../wire/encode.js';
import { FrameView } from '../wire/frame.js';
import { Flag, Op } from '../wire/ops.js';
import type { Agreement } from './handshake.js';
import { answerPing } from './keepalive.js';

/** In ms: longer than a ping is on its way. */
const lingerTime = 50;

/**
 * Closes the socket of a link, at once or after lingering. Nothing else may be subscribed to the socket, or send on it,
 * any more. `why`, where it is given, goes to the other side.
 */
export function closeSocket(
  socket: Socket,
  runtime: Runtime,
  { extended, sendChecksum }: Agreement,
  checksum: Checksum | undefined,
  why?: { readonly code: ClosedCode; readonly reason: string },
): void {
  const close = (): void => {
    if (why === undefined || socket.close === undefined) socket.outbound.complete();
    else socket.close(why.code, why.reason);
  };
  if (extended) {
    close();
    return;
  }
  const lingering = new Subscription();
  const end = (): void => {
    if (lingering.closed) return;
    lingering.unsubscribe();
    close();
  };
  const flags = sendChecksum && checksum !== undefined ? Flag.Crc : 0;
  const view = new FrameView();
  lingering.add(runtime.schedule(end, lingerTime));
  lingering.add(
    socket.inbound.subscribe({
      next: (message) => {
        try {
          decodeMessage(message, view, checksum?.hash, (frame) => {
            const { op, muxId, seq, deadlineMs, payload } = frame;
            if (op !== Op.Ping || muxId !== 0) return true;
            const pong = { muxId, seq, deadlineMs, handler: 0, op: Op.Pong, flags, payload: answerPing(payload) };
            socket.outbound.next(encodeFrame(pong, checksum?.hash));
            return true;
          });
        } catch (error) {
          if (!(error instanceof ProtocolError)) throw error;
          end();
        }
      },
      error: end,
      complete: end,
    }),
  );
}
