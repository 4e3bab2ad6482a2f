import type { RegionPort } from '../../codec/region-item.js';
import { FileRegion, type OpenRegion, type RegionObserver } from '../../files/file-region.js';
import type { Throttle } from './throttle.js';

/** Bytes of a frame under a limit, at most: a large frame would leave all at once, and then nothing for a while. */
const frameBytes = 64 << 10;

/** A region that is sent no faster than a limit. */
export class ThrottledRegion extends FileRegion {
  readonly #region: FileRegion;
  readonly #throttle: Throttle;
  readonly #signal: AbortSignal;

  constructor(region: FileRegion, throttle: Throttle, signal: AbortSignal, observer?: RegionObserver) {
    super(region.path, region.options, observer);
    this.#region = region;
    this.#throttle = throttle;
    this.#signal = signal;
  }

  async open(port: RegionPort): Promise<OpenRegion> {
    const open = await this.#region.open(port);
    const part = open.part.bind(open);
    open.part = async (at, max) => {
      await this.#throttle.wait(this.#signal);
      const next = await part(at, Math.min(max, frameBytes));
      this.#throttle.taken(next.length);
      return next;
    };
    return open;
  }

  observedBy(observer: RegionObserver): FileRegion {
    return new ThrottledRegion(this.#region, this.#throttle, this.#signal, observer);
  }
}
