import { map } from 'rxjs';
import { FrameView } from '../../wire/frame.js';
import { joinFragments } from '../../wire/batch.js';
import {
  decodeConnectRequest,
  decodeConnectResponse,
  encodeConnectRequest,
  encodeConnectResponse,
  type Extensions,
} from '../../wire/payloads/connect.js';
import { decodeFrame } from '../../wire/decode.js';
import { encodeFrame } from '../../wire/encode.js';
import { Op } from '../../wire/ops.js';
import type { Socket } from '../../transport/socket.js';

/**
 * Which implementation a host of a cluster presents to the others. `reference`: a peer without extensions, as the
 * reference implementation. `previous`: an rxgrid that knows the first extensions only: `ack` and `credits`.
 */
export type PeerKind = 'reference' | 'previous';

/** Extensions that a peer of the previous version knows. */
const previousExtensions = ['ack', 'credits', 'crc'];

/** The socket of a host of this kind: neither side of it sees the extensions that the host does not know. */
export function socketOf(kind: PeerKind, socket: Socket): Socket {
  const { outbound, drained } = socket;
  return {
    inbound: socket.inbound.pipe(map((message) => withoutExtensions(kind, message))),
    outbound: {
      next: (message) => {
        outbound.next(withoutExtensions(kind, joinFragments(message)));
      },
      error: (error) => {
        outbound.error(error);
      },
      complete: () => {
        outbound.complete();
      },
    },
    drained,
    slabs: socket.slabs,
    get bufferedBytes() {
      return socket.bufferedBytes;
    },
  };
}

// A handshake is a message of one frame. What follows it is as it is.
function withoutExtensions(kind: PeerKind, message: Uint8Array): Uint8Array {
  const frame = new FrameView();
  try {
    decodeFrame(message, 0, message.length, frame, undefined);
  } catch {
    // A message that was corrupted on its way stays corrupt: the library must detect it.
    return message;
  }
  if (frame.op !== Op.Connect && frame.op !== Op.ConnectResponse) return message;
  const payload =
    frame.op === Op.Connect
      ? encodeConnectRequest(known(kind, decodeConnectRequest(frame.payload)))
      : encodeConnectResponse(known(kind, decodeConnectResponse(frame.payload)));
  const { seq, deadlineMs, handler, op, flags } = frame;
  return encodeFrame({ muxId: 0, seq, deadlineMs, handler, op, flags, payload });
}

function known<T extends { readonly ext?: Extensions }>(kind: PeerKind, handshake: T): T {
  const { ext, ...others } = handshake;
  if (ext === undefined || kind === 'reference') return others as T;
  const kept = Object.entries(ext).filter(([name]) => previousExtensions.includes(name));
  return { ...others, ext: Object.fromEntries(kept) } as T;
}
