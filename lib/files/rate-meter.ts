/** How far the figure looks back, in ms. */
const windowMs = 2_000;
/** Time between two samples that are kept, in ms. */
const sampleMs = 100;

/** Bytes per second over about the last two seconds. */
export class RateMeter {
  // Oldest first: when, and how many bytes there were by then.
  readonly #samples: { readonly at: number; readonly bytes: number }[] = [];

  /** `now` in ms, by any clock that goes forward; `bytes` that are there before the transfer. */
  constructor(now: number, bytes = 0) {
    this.#samples.push({ at: now, bytes });
  }

  /** The rate now that `bytes` have been moved altogether. */
  rate(now: number, bytes: number): number {
    const samples = this.#samples;
    if (now - samples.at(-1)!.at >= sampleMs) {
      samples.push({ at: now, bytes });
      while (samples.length > 2 && now - samples[1]!.at >= windowMs) samples.shift();
    }
    const { at, bytes: before } = samples[0]!;
    return now > at ? ((bytes - before) * 1_000) / (now - at) : 0;
  }
}
