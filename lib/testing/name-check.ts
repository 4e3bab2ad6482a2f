import { nearest } from '../check.js';
import { ConfigurationError } from '../errors.js';

/** A sentence that suggests the name that was probably meant. */
export function nearestOf(name: string, known: readonly string[]): string {
  // Every name of one or two letters is near every other one.
  const close = name.length < 3 ? undefined : nearest(name, known);
  return close === undefined ? `There are: ${known.join(', ')}.` : `Did you mean ${close}?`;
}

/**
 * Checks a short name of a host. `what` completes "… is no host of …".
 *
 * @throws ConfigurationError with the name that was probably meant.
 */
export function checkHostName(name: string, known: readonly string[], what: string): void {
  if (known.includes(name)) return;
  throw new ConfigurationError(`${name} is no host of ${what}. ${nearestOf(name, known)}`);
}
