import type { Invariant } from '../../../lib/testing/index.js';
import { Lanes } from '../../../lib/mux/schedule/lane.js';
import { quantumBytes, type LaneName, type OwnerQueue } from '../../../lib/mux/schedule/owner-queue.js';

/** What one lane has sent while others waited. */
interface LaneAccount {
  /** The queue that sent last, when it began, and the bytes that it has sent since then. */
  queue: OwnerQueue | undefined;
  beganAt: number;
  queueBytes: number;
  /** Bytes of this lane since the other one sent something, or had nothing to send. */
  laneBytes: number;
  /** Bytes of the last frame: the debt of the lane is no more. */
  lastFrame: number;
  /** Queues with something to send. */
  ready: number;
}

/** A turn is a quantum, and what its last frame exceeds it by. */
const share = 2 * quantumBytes;
/** Smaller frames of a stream, such as its end, leave in its turn whatever it has sent. */
const leastFrame = 1_024;

// Of the run that is on.
let accounts = new WeakMap<Lanes, Record<LaneName, LaneAccount>>();
let readySince = new WeakMap<OwnerQueue, number>();
// Bytes that each queue sent last: its debt is no more.
let lastFrames = new WeakMap<OwnerQueue, number>();
let frames = 0;
let broken: string | undefined;

const newAccount = (): LaneAccount => ({
  queue: undefined,
  beganAt: 0,
  queueBytes: 0,
  laneBytes: 0,
  lastFrame: 0,
  ready: 0,
});

function accountsOf(lanes: Lanes): Record<LaneName, LaneAccount> {
  let known = accounts.get(lanes);
  if (known === undefined) accounts.set(lanes, (known = { calls: newAccount(), streams: newAccount() }));
  return known;
}

const { charge, updateReady, clear } = Lanes.prototype;
Lanes.prototype.charge = function (queue, bytes) {
  frames++;
  const { lane } = queue.owner;
  const known = accountsOf(this);
  const own = known[lane];
  const other = known[lane === 'calls' ? 'streams' : 'calls'];
  if (own.queue !== queue) Object.assign(own, { queue, beganAt: frames, queueBytes: 0 });
  const asked = bytes >= leastFrame;
  if (asked && own.queueBytes > share && isWaitedFor(queue, own))
    broken ??= `one of several ${lane} has sent ${own.queueBytes} bytes in its turn`;
  if (asked && own.laneBytes > share + other.lastFrame && other.ready > 0)
    broken ??= `${own.laneBytes} bytes of ${lane} were sent while the other lane waited`;
  own.queueBytes += bytes;
  own.laneBytes = other.ready > 0 ? own.laneBytes + bytes : 0;
  own.lastFrame = bytes;
  lastFrames.set(queue, bytes);
  other.laneBytes = 0;
  charge.call(this, queue, bytes);
};
Lanes.prototype.updateReady = function (queue) {
  const { countedAsReady } = queue;
  updateReady.call(this, queue);
  if (queue.countedAsReady === countedAsReady) return;
  if (queue.countedAsReady) readySince.set(queue, frames);
  accountsOf(this)[queue.owner.lane].ready += queue.countedAsReady ? 1 : -1;
};
Lanes.prototype.clear = function () {
  accounts.delete(this);
  clear.call(this);
};

/** Whether another queue of the lane has waited for longer than its debt explains, for which its turns are skipped. */
function isWaitedFor(queue: OwnerQueue, { beganAt, queueBytes }: LaneAccount): boolean {
  for (const way of ['previous', 'next'] as const) {
    for (let other = queue[way]; other !== undefined; other = other[way]) {
      const waits = other.countedAsReady && (readySince.get(other) ?? frames) < beganAt;
      if (waits && queueBytes > share + (lastFrames.get(other) ?? 0)) return true;
    }
  }
  return false;
}

/** Where several have something to send over a connection that is full, each of them gets turns. */
export function turnsAreFair(): Invariant {
  accounts = new WeakMap();
  readySince = new WeakMap();
  lastFrames = new WeakMap();
  frames = 0;
  broken = undefined;
  const check = (): void => {
    if (broken !== undefined) throw new Error(broken);
  };
  return { name: 'who waits for a full connection gets a turn', step: check, end: check };
}
