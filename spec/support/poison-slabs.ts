import { messageMemoryHooks } from '../../lib/transport/message-memory.js';
import { slabHooks } from '../../lib/wire/slabs.js';

/*
 * Overwrites each slab, and the memory of each received message, when it is released for reuse, in every spec: a
 * message that is still being sent, or read, then has wrong bytes at once, and not only when the next message happens
 * to be written over it.
 */

slabHooks.onFree = (slab) => {
  slab.fill(0xdb);
};

messageMemoryHooks.onFree = (memory) => {
  memory.fill(0xdb);
};
