import { ConfigurationError, errorText } from '../../errors.js';
import type { Report } from '../../observe.js';
import { parseHost } from '../host-name.js';

/**
 * Checks a list of hosts that is given as an option.
 *
 * @throws ConfigurationError for an invalid name, a duplicate, and a list that names hosts but not `local`.
 */
export function checkHostList(names: readonly string[], local: string): void {
  const seen = new Set<string>();
  for (const name of names) {
    parseHost(name);
    if (seen.has(name)) throw new ConfigurationError(`hosts lists ${name} more than once. List each host once.`);
    seen.add(name);
  }
  if (names.length > 0 && !seen.has(local)) throw new ConfigurationError(`hosts ${missingLocal(local)}`);
}

/**
 * Checks lists of hosts that an Observable emits. There is no caller to throw to, so what is wrong becomes an event.
 */
export class HostLists {
  readonly #local: string;
  readonly #report: Report;
  #localMissing = false;

  constructor(local: string, report: Report) {
    this.#local = local;
    this.#report = report;
  }

  /**
   * Returns the valid names of a list, each once; undefined if the list must not be applied.
   *
   * @throws TypeError if `names` is not an array.
   */
  check(names: unknown): readonly string[] | undefined {
    // The source may be a look-up that found nothing, or JSON written by hand.
    if (!Array.isArray(names)) {
      throw new TypeError(`the Observable of the hosts emitted ${kindOf(names)}; it must emit arrays of host names`);
    }
    if (names.length === 0) {
      this.#reportProblem('empty', 'The list of hosts is empty; the previous list stays. Emit at least this host.');
      return undefined;
    }
    const valid = new Set<string>();
    const duplicates = new Set<string>();
    for (const name of names as readonly unknown[]) {
      if (!this.#isValid(name)) continue;
      if (valid.has(name)) duplicates.add(name);
      valid.add(name);
    }
    if (duplicates.size > 0) {
      const text = `The list of hosts has ${[...duplicates].join(', ')} more than once. List each host once.`;
      this.#reportProblem('duplicate', text);
    }
    // Once, until it is listed: a host that leaves the cluster may run on for long.
    const localMissing = !valid.has(this.#local);
    if (localMissing && !this.#localMissing) {
      this.#reportProblem('local-missing', `The list of hosts ${missingLocal(this.#local)}`);
    }
    this.#localMissing = localMissing;
    return [...valid];
  }

  #isValid(name: unknown): name is string {
    if (typeof name !== 'string') {
      const kind = kindOf(name);
      this.#reject(kind, `A host name must be a text, such as "http://10.0.0.1:9000"; it is ${kind}.`);
      return false;
    }
    try {
      parseHost(name);
      return true;
    } catch (error) {
      this.#reject(name, errorText(error));
      return false;
    }
  }

  #reject(host: string, reason: string): void {
    this.#report({ type: 'rejected', host, by: 'local', reason });
  }

  #reportProblem(problem: 'empty' | 'duplicate' | 'local-missing', remedy: string): void {
    this.#report({ type: 'host-list', host: this.#local, problem, remedy });
  }
}

function missingLocal(local: string): string {
  return `does not contain ${local}, the local name, so the other hosts will probably reject this one. Add it, or correct local; names are compared byte for byte.`;
}

function kindOf(value: unknown): string {
  return value === null ? 'null' : value === undefined ? 'undefined' : `a value of type ${typeof value}`;
}
