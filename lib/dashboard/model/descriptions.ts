import { take, timeout } from 'rxjs';
import { errorText } from '../../errors.js';
import type { GridDescription } from '../../monitor/index.js';
import type { HostRow } from './model.js';
import type { Page } from '../page.js';

interface Known {
  readonly description?: GridDescription;
  readonly problem?: string;
}

const answerTimeout = 10_000;

/**
 * The descriptions of hosts, requested when the page of a host is first shown, and again after the host was restarted.
 */
class Descriptions {
  readonly #known = new Map<string, Known>();
  readonly #asking = new Set<string>();

  of(page: Page, { name, reports, uptime, version, problem }: HostRow): Known {
    const { feeds } = page;
    const started = feeds?.hosts.get(name)?.startedAt ?? 0;
    const key = `${name}\n${version ?? ''}\n${started}`;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    if (feeds === undefined || !reports || uptime === undefined) {
      return { problem: problem ?? 'It does not report its routes now.' };
    }
    if (!this.#asking.has(key)) {
      this.#asking.add(key);
      feeds
        .monitorOf(name)
        .description$.pipe(take(1), timeout(answerTimeout))
        .subscribe({
          next: (description) => {
            this.#known.set(key, { description });
            page.draw();
          },
          error: (error: unknown) => {
            this.#known.set(key, { problem: errorText(error) });
            page.draw();
          },
        });
    }
    return {};
  }
}

/** The descriptions of all hosts of the page. */
export const descriptions = new Descriptions();
