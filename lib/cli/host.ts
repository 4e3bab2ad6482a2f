import { filter, firstValueFrom, timeout } from 'rxjs';
import { ConfigurationError, errorText } from '../errors.js';
import type { LeafConnection } from '../endpoint/leaf.js';
import { connect } from '../node/server/leaf.js';
import { exitCodes, Failure, failureText } from './failure.js';

/** Connects to a host as a leaf, or says why that cannot be. */
export async function connectTo(host: string, token: string, connectMs: number): Promise<LeafConnection> {
  let leaf: LeafConnection;
  try {
    leaf = connect(host, { token });
  } catch (error) {
    if (error instanceof ConfigurationError) throw new Failure(error.message, exitCodes.usage);
    throw error;
  }
  // It would try for ever. A person waits for one attempt.
  const state = await firstValueFrom(
    leaf.state$.pipe(
      filter(({ status }) => status !== 'connecting'),
      timeout({ first: connectMs }),
    ),
  ).catch(() => undefined);
  if (state?.status === 'connected') return leaf;
  leaf.close();
  const cause = state?.error;
  if (cause === undefined) throw new Failure(`${host} does not answer. Is a host there, and is it started?`);
  const text = failureText(cause, false);
  throw new Failure(
    text === cause.message
      ? `cannot connect to ${host}: ${errorText(cause)}. Is a host there, and is it started?`
      : text,
  );
}
