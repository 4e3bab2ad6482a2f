/** The period over which the rate is measured, in ms. */
const windowMs = 2_000;
/** Time between two samples, in ms. */
const sampleMs = 100;

/** Bytes per second over about the last two seconds. */
export class RateMeter {
  // Oldest first: the time, and the bytes moved until then.
  readonly #samples: { readonly at: number; readonly bytes: number }[] = [];

  /** `now`: in ms, of a monotonic clock; `bytes`: moved before the transfer. */
  constructor(now: number, bytes = 0) {
    this.#samples.push({ at: now, bytes });
  }

  /** The rate, when `bytes` have been moved altogether. */
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
