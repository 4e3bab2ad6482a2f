/*
 * Claims on files that can be continued. Two writers of one file would tear each other's bytes, so one at a time has
 * the claim. The newest claimant wins: most often it is the same sender after a connection loss that this side has not
 * noticed.
 */

/** A writer of a file that can be continued. */
export interface Claimant {
  /** The claimant is the only writer of the file until it releases its claim. Called once, possibly within `claim`. */
  granted(): void;
  /** Another claimant waits for the file: this one should release its claim soon. */
  replaced(): void;
}

// By path, in the order of arrival; the first claimant of a queue has the claim.
const queues = new Map<string, Claimant[]>();

/** Claims a partial file. All claimants before this one are notified that they are replaced. */
export function claim(path: string, claimant: Claimant): void {
  const queue = queues.get(path);
  if (queue === undefined) {
    queues.set(path, [claimant]);
    claimant.granted();
    return;
  }
  const before = [...queue];
  queue.push(claimant);
  for (const one of before) one.replaced();
}

/** Releases a claim that was granted. */
export function releaseClaim(path: string): void {
  const queue = queues.get(path);
  queue?.shift();
  if (queue?.[0] === undefined) queues.delete(path);
  else queue[0].granted();
}
