/**
 * The names of the wire protocol, for programs that look at frames: `connection.frames$` emits them, and a transport of
 * your own carries the messages that are made of them. Calls and handlers need none of this.
 *
 * @packageDocumentation
 */

export type { WireMessage } from './batch.js';
export type { Frame, MuxId } from './frame.js';
export { Flag, Op, opName, type OpName } from './ops.js';
