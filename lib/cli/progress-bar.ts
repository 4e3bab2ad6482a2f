import cliProgress from 'cli-progress';

/** How far a copy is. */
export interface Progress {
  /** Bytes, and of how many; 0 where that is not known. */
  readonly bytes: number;
  readonly total: number;
  /** Bytes per second. */
  readonly rate: number;
  /** How the bytes leave the sender. */
  readonly mode: string | undefined;
}

/** A bar on the terminal, or nothing where there is none: progress is for people. */
export class ProgressBar {
  readonly #bar: cliProgress.SingleBar | undefined;
  #started = false;

  constructor(name: string, terminal: boolean, stream: NodeJS.WriteStream = process.stderr) {
    if (!terminal) return;
    this.#bar = new cliProgress.SingleBar({
      stream,
      hideCursor: true,
      clearOnComplete: false,
      format: `${name} {bar} {share} {size} {speed} {left} {mode}`,
      barsize: 24,
      barCompleteChar: '█',
      barIncompleteChar: '░',
      fps: 10,
    });
  }

  /** True where somebody sees it. */
  get shown(): boolean {
    return this.#bar !== undefined;
  }

  update({ bytes, total, rate, mode }: Progress): void {
    const bar = this.#bar;
    if (bar === undefined) return;
    const share = total === 0 ? 1 : bytes / total;
    const fields = {
      share: `${String(Math.floor(share * 100)).padStart(3)}%`,
      size: sizeText(bytes),
      speed: `${sizeText(rate)}/s`,
      left: bytes >= total || rate === 0 ? '--:--' : timeText((total - bytes) / rate),
      mode: mode ?? '',
    };
    if (!this.#started) {
      bar.start(Math.max(total, 1), total === 0 ? 1 : bytes, fields);
      this.#started = true;
      return;
    }
    bar.setTotal(Math.max(total, 1));
    bar.update(total === 0 ? 1 : bytes, fields);
  }

  stop(): void {
    if (this.#started) this.#bar?.stop();
  }
}

/** A number of bytes in at most seven characters. */
export function sizeText(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1_024 && unit < units.length - 1) {
    value /= 1_024;
    unit++;
  }
  return `${unit === 0 ? String(Math.round(value)) : value.toFixed(1)} ${units[unit]!}`;
}

/** A number of seconds as minutes and seconds, or with hours. */
export function timeText(seconds: number): string {
  const whole = Math.min(Math.ceil(seconds), 359_999);
  const two = (value: number): string => String(value).padStart(2, '0');
  const [hours, minutes] = [Math.floor(whole / 3_600), Math.floor(whole / 60) % 60];
  return hours === 0 ? `${two(minutes)}:${two(whole % 60)}` : `${String(hours)}:${two(minutes)}:${two(whole % 60)}`;
}
