import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const names = ['chromium', 'chromium-browser', 'google-chrome'];

/** The program of a Chromium that is installed here. */
export function findChromium(): string | undefined {
  return names.find((name) => {
    try {
      // A package may put a program there that only says how to get the browser.
      return /chrom/i.test(
        execFileSync(name, ['--version'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }),
      );
    } catch {
      return false;
    }
  });
}

/** A browser without a window, with a profile of its own, that shows one page. */
export class Chromium {
  /** Rejects when it ends, with what it said. */
  readonly ended: Promise<never>;
  readonly #profile = mkdtempSync(join(tmpdir(), 'rxgrid-chromium-'));
  readonly #child;
  readonly #exit: Promise<unknown>;

  constructor(program: string, url: string) {
    const flags = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'];
    const quiet = ['--disable-background-networking', '--disable-component-update', '--disable-sync'];
    // A group of processes, so that all of them can be ended.
    this.#child = spawn(program, [...flags, ...quiet, `--user-data-dir=${this.#profile}`, url], {
      detached: true,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let said = '';
    this.#child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
    this.#exit = once(this.#child, 'close');
    this.ended = this.#exit.then(() => {
      throw new Error(`The browser ended.\n${said}`);
    });
    this.ended.catch(() => undefined);
  }

  async close(): Promise<void> {
    try {
      process.kill(-this.#child.pid!, 'SIGKILL');
    } catch {
      // It has ended.
    }
    await this.#exit;
    rmSync(this.#profile, { recursive: true, force: true, maxRetries: 5 });
  }
}
