/**
 * What the ready-made sources of host names have in common.
 *
 *     DNS, etcd, a file ──names──▶ checked, sorted ──▶ removals delayed ──▶ emitted, where the list has changed
 *                       └─failed─▶ reported once for each outage; the last list stays
 */

import { Observable } from 'rxjs';
import { aFunction, checkOptions, timerMs, whole, type Rule } from '../../check.js';
import { parseHost } from '../../endpoint/host-name.js';
import { errorText } from '../../errors.js';
import { reportUnhandled } from '../../flow/unhandled.js';
import { guarded } from '../../guard.js';
import { maxSourceHosts } from '../../limits.js';
import { printable } from '../../printable.js';
import { systemRuntime } from '../../runtime.js';
import { DelayedRemovals } from './delayed-removals.js';
import { MembershipError } from './membership-error.js';

/** Options that all sources of host names share. */
export interface HostSourceOptions {
  /**
   * A host is removed from the list when it has been missing for so many ms without a break; one that comes back sooner
   * was never gone. New hosts are added at once.
   */
  readonly removeAfter?: number;
  /** A list with more hosts is refused, and the last one stays. Default 256. */
  readonly maxHosts?: number;
  /**
   * Takes a problem once when it begins: a look-up that fails, a name that cannot be used. The source goes on. Default:
   * a warning of the process (`process.emitWarning`).
   */
  readonly onError?: (error: MembershipError) => void;
}

/** Rules of {@link HostSourceOptions}. */
const hostSourceRules: Readonly<Record<keyof HostSourceOptions, Rule>> = {
  removeAfter: timerMs,
  maxHosts: whole(1),
  onError: aFunction('takes a MembershipError'),
};

/** Takes what a source finds. */
export interface HostSink {
  /** All names that were found now. Names that cannot be used are left out and reported. */
  found(names: readonly string[]): void;
  /** The source cannot be read now: the last list stays. */
  failed(error: unknown): void;
  /** A part of what was found cannot be used; `key` identifies the part, so that it is reported once. */
  ignored(key: string, why: string): void;
  /** The part can be used again: the next problem of it is reported anew. */
  recovered(key: string): void;
}

/**
 * An Observable of lists over something that finds names. `start` begins to look, and its result stops that. Each
 * subscription looks for itself.
 *
 * @param what - Names the source in messages: "The DNS name grid.example".
 * @param removeAfter - The default of that option.
 */
export function hostSource(
  what: string,
  options: HostSourceOptions,
  removeAfter: number,
  start: (sink: HostSink) => () => void,
): Observable<readonly string[]> {
  return new Observable<readonly string[]>((subscriber) => {
    const hosts = new DelayedRemovals(systemRuntime, options.removeAfter ?? removeAfter, (list) => {
      subscriber.next(list);
    });
    const problems = new Problems(what, options.onError ?? warn, () => hosts.size);
    const stop = start({
      found: (names) => {
        if (subscriber.closed) return;
        const { maxHosts = maxSourceHosts } = options;
        const usable = usableNames(names, problems);
        if (usable.length > maxHosts) {
          problems.failed(
            `it has ${String(usable.length)} hosts, and maxHosts is ${String(maxHosts)}: raise maxHosts if they are meant`,
          );
          return;
        }
        problems.works();
        hosts.update(usable);
      },
      failed: (error) => {
        if (!subscriber.closed) problems.failed(errorText(error));
      },
      ignored: (key, why) => {
        if (!subscriber.closed) problems.ignored(key, why);
      },
      recovered: (key) => {
        problems.recovered(key);
      },
    });
    return () => {
      hosts.stop();
      stop();
    };
  });
}

/** Checks options of a source that has those of all sources. @throws ConfigurationError */
export function checkSourceOptions(
  options: unknown,
  rules: Readonly<Record<string, Rule>>,
  of: string,
  required: readonly string[],
): void {
  checkOptions(options, { ...hostSourceRules, ...rules }, { of, required });
}

function usableNames(names: readonly string[], problems: Problems): readonly string[] {
  const usable = new Set<string>();
  for (const name of names) {
    try {
      usable.add(parseHost(name));
    } catch (error) {
      problems.ignored(name, errorText(error));
    }
  }
  // All hosts that look see the same list, and an answer in another order is no change.
  return [...usable].sort();
}

/** Names that are remembered as reported; more are reported again. */
const maxReported = 1_024;

/** Reports each problem when it begins, and not at every attempt. */
class Problems {
  readonly #what: string;
  readonly #onError: (error: MembershipError) => void;
  readonly #size: () => number | undefined;
  readonly #reported = new Set<string>();
  #failing: string | undefined = undefined;

  constructor(what: string, onError: (error: MembershipError) => void, size: () => number | undefined) {
    this.#what = what;
    this.#onError = onError;
    this.#size = size;
  }

  works(): void {
    this.#failing = undefined;
  }

  failed(why: string): void {
    if (this.#failing === why) return;
    this.#failing = why;
    const size = this.#size();
    const stays = size === undefined ? 'there is no list yet' : `the last list, of ${String(size)} hosts, stays`;
    this.#report(`${this.#what} gives no list of hosts, and ${stays}: ${why}`);
  }

  ignored(key: string, why: string): void {
    if (this.#reported.has(key)) return;
    if (this.#reported.size >= maxReported) this.#reported.clear();
    this.#reported.add(key);
    this.#report(`${this.#what}: one entry is ignored: ${why}`);
  }

  recovered(key: string): void {
    this.#reported.delete(key);
  }

  #report(text: string): void {
    guarded(reportUnhandled, this.#onError, new MembershipError(printable(text)));
  }
}

function warn({ message }: MembershipError): void {
  process.emitWarning(message, 'RxgridMembershipWarning');
}
