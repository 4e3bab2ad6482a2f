import cliProgress from 'cli-progress';

/** The progress of a copy. */
export interface Progress {
  /** Files that are complete. */
  readonly files: number;
  /** Bytes that are at the target. */
  readonly bytes: number;
  /** Bytes of all files; undefined while they are being counted. */
  readonly total: number | undefined;
  /** Bytes per second. */
  readonly rate: number;
  /** How the sender reads the files; see `FileMode`. */
  readonly mode: string | undefined;
}

/** Columns that are assumed where the terminal does not report its width. */
const defaultColumns = 80;
const [leastName, mostName, leastBar, mostBar] = [8, 30, 6, 24];

/** A progress bar on one line of the terminal, at most as wide as the terminal. Draws nothing without a terminal. */
export class ProgressBar {
  readonly #bar: cliProgress.SingleBar | undefined;
  readonly #stream: NodeJS.WriteStream;
  #started = false;

  /** `name`: what is copied, already {@link printable}. */
  constructor(name: string, terminal: boolean, stream: NodeJS.WriteStream = process.stderr) {
    this.#stream = stream;
    if (!terminal) return;
    this.#bar = new cliProgress.SingleBar({
      stream,
      clearOnComplete: true,
      linewrap: true,
      fps: 10,
      // A message of the command may have overwritten the bar.
      forceRedraw: true,
      format: (_options, _params, progress: Progress) => barText(name, progress, stream.columns || defaultColumns),
    });
  }

  /** True where the bar is drawn. */
  get shown(): boolean {
    return this.#bar !== undefined;
  }

  update(progress: Progress): void {
    const bar = this.#bar;
    if (bar === undefined) return;
    if (this.#started) bar.update(progress);
    else bar.start(1, 0, progress);
    this.#started = true;
  }

  /** Clears the line, so that a message can be written there. The bar is drawn again below the message. */
  clear(): void {
    if (this.#started) this.#stream.write('\r\u001b[K');
  }

  /** Removes the bar. */
  stop(): void {
    if (this.#started) {
      this.#bar?.stop();
      // The terminal echoes `^C` behind the bar and may wrap it to the next line: everything below is cleared, too.
      this.#stream.write('\u001b[J');
    }
    this.#started = false;
  }
}

/**
 * The bar as a text of fewer than `columns` columns: the name, the bar, the percentage, the bytes, the rate, the
 * remaining time and the mode. Where they do not fit, the least important ones are left out first.
 */
export function barText(name: string, progress: Progress, columns: number): string {
  const { files, bytes, total, rate, mode } = progress;
  const share = total === undefined ? undefined : total === 0 ? 1 : Math.min(1, bytes / total);
  const size = sizeText(bytes);
  const sizes = total === undefined ? size : `${size} / ${sizeText(total)}`;
  const speed = `${sizeText(rate)}/s`;
  const ends = total !== undefined && bytes < total && rate > 0;
  const left = ends ? timeText((total - bytes) / rate) : total === undefined ? '' : '--:--';
  const percent = share === undefined ? '' : `${String(Math.floor(share * 100)).padStart(3)}%`;
  const count = share === undefined ? `${String(files)} files` : '';
  const ways = [
    [percent, count, sizes, speed, left, mode ?? ''],
    [percent, count, sizes, speed, left],
    [percent, count, size, speed, left],
    [percent, count, size, speed],
    [percent, size],
    [percent || size],
  ];
  // The last column stays free: some terminals wrap as soon as it is written.
  const room = columns - 1;
  const least = Math.min(leastName, widthOf(name)) + (share === undefined ? 1 : leastBar + 2);
  for (const way of ways) {
    const tail = way.filter((field) => field !== '').join(' ');
    const rest = room - tail.length;
    if (rest < least) continue;
    if (share === undefined) return `${fit(name, Math.min(rest - 1, mostName))} ${tail}`;
    const shown = fit(name, Math.max(leastName, Math.min(mostName, rest - mostBar - 2)));
    const cells = Math.min(mostBar, rest - widthOf(shown) - 2);
    const full = Math.floor(share * cells);
    return `${shown} ${'█'.repeat(full)}${'░'.repeat(cells - full)} ${tail}`;
  }
  return fit(percent || size, Math.max(0, room));
}

/** A number of bytes in at most ten characters. */
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

/** Shortens a text in its middle to at most so many columns, because names often differ only at their ends. */
export function fit(text: string, columns: number): string {
  if (widthOf(text) <= columns) return text;
  if (columns < 1) return '';
  const characters = Array.from(segmenter.segment(text), ({ segment }) => segment);
  const [head, tail]: [string[], string[]] = [[], []];
  let room = columns - 1;
  // Takes characters from both ends in turn, while there is room.
  for (let count = 0; ; count++) {
    const next = count % 2 === 0 ? characters.shift() : characters.pop();
    const width = next === undefined ? 0 : widthOf(next);
    if (next === undefined || width > room) return `${head.join('')}…${tail.join('')}`;
    room -= width;
    if (count % 2 === 0) head.push(next);
    else tail.unshift(next);
  }
}

/** Columns that a text takes on a terminal: East Asian characters and emoji take two, combining marks none. */
export function widthOf(text: string): number {
  let width = 0;
  for (const character of text) width += /\p{M}/u.test(character) ? 0 : wide.test(character) ? 2 : 1;
  return width;
}

const segmenter = new Intl.Segmenter();
const wide =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1f64f}\u{1f900}-\u{1f9ff}\u{20000}-\u{3fffd}]/u;
