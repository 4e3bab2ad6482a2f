/*
 * Who writes a file that can be continued: one at a time, because two would tear each other's. The newest wins, since it is
 * most often the same one after a loss that this side has not noticed yet.
 */

/** One that wants to write. */
export interface Claimant {
  /** It is alone with the file, until it gives the claim up. Called once, maybe at once. */
  granted(): void;
  /** Another one wants the file: it should give its claim up soon. */
  replaced(): void;
}

// In the order in which they came; the first of a line has the claim.
const lines = new Map<string, Claimant[]>();

/** Claims a partial file. Who has it is told, and who waits for it. */
export function claim(path: string, claimant: Claimant): void {
  const line = lines.get(path);
  if (line === undefined) {
    lines.set(path, [claimant]);
    claimant.granted();
    return;
  }
  const before = [...line];
  line.push(claimant);
  for (const one of before) one.replaced();
}

/** Gives a claim up that was granted. */
export function unclaim(path: string): void {
  const line = lines.get(path);
  line?.shift();
  if (line?.[0] === undefined) lines.delete(path);
  else line[0].granted();
}
