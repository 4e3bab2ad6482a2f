import { Observable, type Subscriber } from 'rxjs';
import { aFunction, checkOptions } from '../check.js';
import { ConfigurationError } from '../errors.js';
import { conflate, conflateRules, type ConflateOptions } from './conflate.js';

/** Options of {@link PushGroups}. */
export interface PushGroupsOptions<T> extends Pick<ConflateOptions<T>, 'drops' | 'maxKeys'> {
  /**
   * A member that is not ready keeps the newest value of each key, which is compared as that of a `Map`. Default: the
   * newest value of each group.
   */
  readonly key?: (value: T, group: string) => unknown;
}

const groupsRules = { ...conflateRules, key: aFunction('returns the key of a value') };

/**
 * Pushes values to groups of subscribers, such as the leaves that watch one thing. Each member is conflated by itself:
 * one that is slow gets the newest values when it is ready, holds one value for each key, and delays neither the others
 * nor the one who pushes.
 *
 * A handler returns what `join` returns, so a member belongs to its groups as long as its stream is open; a leaf that
 * reconnects subscribes again, with `retryOnDisconnect`. A group exists while it has members.
 *
 * @throws ConfigurationError for an unknown or invalid option.
 *
 * @example
 * const notices = new PushGroups<Notice>();
 * grid.handle(watch, ({ rooms }, call) => notices.join(...rooms.filter((room) => mayEnter(call.caller, room))));
 * notices.push('ops', { text: 'disk 3 is full' });
 */
export class PushGroups<T> {
  readonly #options: PushGroupsOptions<T>;
  readonly #members = new Map<string, Set<Subscriber<T>>>();
  // Of the value that is being pushed.
  #key: unknown = undefined;
  #completed = false;

  constructor(options: PushGroupsOptions<T> = {}) {
    checkOptions(options, groupsRules, { of: 'PushGroups' });
    this.#options = options;
  }

  /**
   * The values that are pushed to these groups while it is subscribed to: each subscription is one member. What
   * `conflate` says of the operators behind it applies here, too.
   *
   * @throws ConfigurationError where no group is given, and for one that is no text.
   */
  join(...groups: readonly string[]): Observable<T> {
    if (groups.length === 0 || groups.some((group) => typeof group !== 'string')) {
      throw new ConfigurationError('join() needs the names of one or more groups, which are texts.');
    }
    return new Observable<T>((subscriber) => {
      if (this.#completed) subscriber.complete();
      else subscriber.add(this.#add(new Set(groups), subscriber));
    }).pipe(conflate({ ...this.#options, key: () => this.#key }));
  }

  /** Pushes a value to the members of a group. Returns how many these are. @throws what `key` throws. */
  push(group: string, value: T): number {
    const members = this.#members.get(group);
    if (members === undefined) return 0;
    const key = this.#options.key === undefined ? group : this.#options.key(value, group);
    // A member may leave, or push, while it gets the value.
    const reached = [...members];
    for (const member of reached) {
      this.#key = key;
      member.next(value);
    }
    return reached.length;
  }

  /** Number of members of a group. */
  size(group: string): number {
    return this.#members.get(group)?.size ?? 0;
  }

  /** The groups that have members. */
  get groups(): readonly string[] {
    return [...this.#members.keys()];
  }

  /** Completes the streams of all members, and of those who join later. */
  complete(): void {
    this.#completed = true;
    const members = new Set([...this.#members.values()].flatMap((each) => [...each]));
    for (const member of members) member.complete();
  }

  #add(groups: ReadonlySet<string>, subscriber: Subscriber<T>): () => void {
    for (const group of groups) {
      let members = this.#members.get(group);
      if (members === undefined) this.#members.set(group, (members = new Set()));
      members.add(subscriber);
    }
    return () => {
      for (const group of groups) {
        const members = this.#members.get(group);
        members?.delete(subscriber);
        if (members?.size === 0) this.#members.delete(group);
      }
    };
  }
}
