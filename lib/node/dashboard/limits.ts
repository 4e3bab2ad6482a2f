/*
 * Bounds of a local dashboard. None of them is an option.
 */

/** Pages that a local dashboard connects at once. */
export const maxLocalPages = 16;
/** Bytes that may wait for one end of a tunnel before the other end is no longer read. */
export const maxTunnelBytes = 1 << 20;
/** Longest time, in ms, that an end of a tunnel may take nothing while {@link maxTunnelBytes} wait for it. */
export const tunnelStallTimeout = 30_000;
