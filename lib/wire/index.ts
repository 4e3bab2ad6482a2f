/**
 * The names of the wire protocol, for programs that inspect frames: `connection.frames$` emits frames, and a custom
 * transport carries messages made of them. Calls and handlers need none of this.
 *
 * @packageDocumentation
 */

export type { WireMessage } from './batch.js';
export type { Frame, MuxId } from './frame.js';
export { Flag, Op, opName, type OpName } from './ops.js';
