/**
 * Makes a failing list smaller by leaving out parts of it, larger parts first, as long as what is left still fails.
 *
 * @param fails - Returns whether a list fails. The whole list does.
 * @param first - Lists to try before anything else; each must be a part of the whole.
 * @param budget - At most so many lists are tried.
 */
export async function shrink<T>(
  whole: readonly T[],
  first: readonly (readonly T[])[],
  fails: (part: readonly T[]) => Promise<boolean>,
  budget: number,
): Promise<{ readonly smallest: readonly T[]; readonly tries: number }> {
  let smallest = whole;
  let tries = 0;
  const attempt = async (part: readonly T[]): Promise<boolean> => {
    if (part.length >= smallest.length || tries >= budget) return false;
    tries++;
    if (!(await fails(part))) return false;
    smallest = part;
    return true;
  };
  for (const part of first) await attempt(part);
  for (let size = Math.ceil(smallest.length / 2); size > 0 && tries < budget;) {
    let changed = false;
    // From the end: what happens late is the least likely cause of what follows.
    for (let end = smallest.length; end > 0; end -= size) {
      const from = Math.max(0, end - size);
      if (await attempt([...smallest.slice(0, from), ...smallest.slice(end)])) changed = true;
    }
    // Alone, a step may be needed until another one is gone.
    if (size > 1) size = Math.ceil(size / 2);
    else if (!changed) break;
  }
  return { smallest, tries };
}
