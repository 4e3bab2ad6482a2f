import { Flag, Op } from '../../../lib/wire/ops.js';
import { describe, isEof, type WireRule } from '../wire-model.js';

/**
 * An item without bytes says that it is one: a reference peer reads an empty payload without the flag as no payload.
 */
export function emptyItems(): WireRule {
  return {
    name: 'an empty item is marked as such',
    sent(seen) {
      const { frame } = seen;
      const isItem = (frame.op === Op.MuxServerMsg || frame.op === Op.MuxClientMsg) && !isEof(frame);
      if (!isItem || frame.payload.length > 0 || (frame.flags & Flag.PayloadIsZero) !== 0) return;
      throw new Error(`${describe(seen)}: an empty item without PayloadIsZero`);
    },
  };
}
