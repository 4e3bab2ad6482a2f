import { duplex, raw, type, unary } from '../../lib/index.js';

/* Routes between the hosts of leaf.spec.ts and its page. */

export const whoAmI = unary({ name: 'who-am-i', response: type<string>() });
export const size = unary({ name: 'size', request: raw, response: type<number>() });
export const slow = unary({ name: 'slow' });
/** Four kinds of streams: output, input, both, none. */
export const count = duplex({ name: 'count', request: type<number>(), output: type<number>() });
export const sum = duplex({ name: 'sum', input: type<number>(), output: type<number>() });
export const echo = duplex({ name: 'echo', input: type<number>(), output: type<number>() });
export const forget = duplex({ name: 'forget', input: type<number>() });
/** Counts up for ever, as fast as the credit allows; a fixed window. */
export const endless = duplex({ name: 'endless', output: type<number>(), outCapacity: 8 });
/** What the host knows: calls that were cancelled, and how many items of `endless` it has made. */
export const seen = unary({
  name: 'seen',

  response: type<{ cancelled: number; made: number }>(),
});

/** Cuts the connection of the caller. */
export const cut = unary({ name: 'cut' });

/** Bytes of a large payload of the page. */
export const largeBytes = 300_001;
