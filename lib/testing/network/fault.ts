import { Subscription } from 'rxjs';
import { inspect } from '../marbles/inspect.js';
import type { FaultTarget } from './fault-target.js';

/** One fault, from the call that asked for it until it is unsubscribed, which ends it. */
export class Fault extends Subscription {
  /** How often it has struck: messages that it changed, or times at which it did something to a line or a host. */
  strikes = 0;
  /** The call that asked for it, such as `faults.drop(a ⇄ b, { from: 'a' })`. */
  readonly text: string;
  /** True: it may end without having struck. */
  readonly mayMiss: boolean;

  /** True: chance decides whether and when it strikes. */
  readonly random: boolean;

  constructor(text: string, mayMiss: boolean, random: boolean) {
    super();
    this.text = text;
    this.mayMiss = mayMiss;
    this.random = random;
  }
}

/** The lines of a target, for the text of a fault. */
export function targetText({ cables, ends }: FaultTarget): string {
  return cables.length === 1 ? cables[0]!.ends.join(' ⇄ ') : (ends ?? []).join(', ');
}

/** The call of a fault, as text. */
export function textOf(name: string, target: string, options: object): string {
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  return `${name}(${target}${given.length === 0 ? '' : `, ${inspect(Object.fromEntries(given))}`})`;
}
