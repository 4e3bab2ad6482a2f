import type { Frame } from './frame.js';
import { Flag, opName } from './ops.js';

/** What a line says of a frame beside its fields. */
export interface FrameLineParts {
  /** Name of the route of its mux, where that is known. */
  readonly route: string | undefined;
  /** The payload in a few words; empty for none. */
  readonly payload: string;
  /** Flags that are left out: {@link payload} says as much. */
  readonly hidden?: readonly (keyof typeof Flag)[];
}

// These say only what follows the tuple.
const shownFlags = (Object.keys(Flag) as (keyof typeof Flag)[]).filter((name) => name !== 'Crc' && name !== 'Subroute');

/** One line for a frame: `MuxServerMsg 1 #2 watch { id: 7 } Eof`. */
export function frameLine(
  { op, muxId, seq, handler, flags, deadlineMs }: Omit<Frame, 'payload' | 'subroute' | 'extra'>,
  { route, payload, hidden = [] }: FrameLineParts,
): string {
  const parts: string[] = [opName(op) ?? `op ${String(op)}`];
  if (muxId !== 0) parts.push(String(muxId));
  if (seq !== 0) parts.push(`#${String(seq)}`);
  if (route !== undefined) parts.push(route);
  else if (handler !== 0) parts.push(`handler ${String(handler)}`);
  if (payload !== '') parts.push(payload);
  for (const name of shownFlags) if ((flags & Flag[name]) !== 0 && !hidden.includes(name)) parts.push(name);
  if (deadlineMs !== 0) parts.push(`${String(deadlineMs)} ms`);
  return parts.join(' ');
}
