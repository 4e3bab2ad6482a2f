/** Limits that the bursts of a storm reach. */
export const stormLimits = {
  maxDials: 1,
  maxOpenMuxes: 120,
  maxSendQueueBytes: 24 << 10,
  maxReceiveBytes: 128 << 10,
  maxWaitingCalls: 80,
  maxWaitingBytes: 8_000,
  maxMessageFrames: 4_000,
  maxCancelsPerSecond: 1_000,
};

/** Limits that nobody reaches but a hostile peer. */
export const usualLimits = {
  maxOpenMuxes: 300,
  maxReceiveBytes: 4 << 20,
  maxCancelsPerSecond: 600,
};
