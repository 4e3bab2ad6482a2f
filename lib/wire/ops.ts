/**
 * The op codes of frames: wire protocol, section 2.1. In the names, client is the caller and server the responder of a
 * mux.
 */
export const Op = {
  Connect: 1,
  ConnectResponse: 2,
  Ping: 3,
  Pong: 4,
  ConnectMux: 5,
  MuxConnectError: 6,
  DisconnectClientMux: 7,
  DisconnectServerMux: 8,
  MuxClientMsg: 9,
  MuxServerMsg: 10,
  UnblockSrvMux: 11,
  UnblockClMux: 12,
  AckMux: 13,
  Request: 14,
  Response: 15,
  Disconnect: 16,
  Merged: 17,
} as const;

/** Name of an op, as the wire protocol writes it. */
export type OpName = keyof typeof Op;

const opNames = new Map<number, OpName>(Object.entries(Op).map(([name, code]) => [code, name as OpName]));

/** The name of an op code; undefined for one that the protocol does not know. */
export function opName(code: number): OpName | undefined {
  return opNames.get(code);
}

/** True for the ops that open a mux. */
export function opensMux(op: number): boolean {
  return op === Op.Request || op === Op.ConnectMux;
}

/** True for the ops that the caller of a mux sends; the responder sends the others. */
export function isSentByCaller(op: number): boolean {
  return (
    opensMux(op) || op === Op.MuxClientMsg || op === Op.UnblockSrvMux || op === Op.DisconnectServerMux || op === Op.Ping
  );
}

/** Bits of a frame's flags: wire protocol, section 2.2. */
export const Flag = {
  /** A checksum follows. */
  Crc: 1,
  /** Last frame of this direction. */
  Eof: 2,
  /** Reserved; refused on ConnectMux. */
  Stateless: 4,
  /** The payload is an error text. */
  PayloadIsErr: 8,
  /** The payload is present but empty; an empty payload without it is null. */
  PayloadIsZero: 16,
  /** A subroute id of 32 bytes follows the tuple. */
  Subroute: 32,
} as const;

/** Length of a subroute id, in bytes. */
export const subrouteBytes = 32;

/** Length of a checksum, in bytes. */
export const crcBytes = 4;
