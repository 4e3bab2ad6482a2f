import { RejectedError, sharedSecret, type Auth } from '../../lib/index.js';
import type { VirtualClock } from '../../lib/testing/index.js';

/** Virtual ms between two secrets. */
const period = 7_000;

/**
 * Tokens of a secret that is replaced while the hosts run: each host signs with the secret of the time, and accepts the
 * one before and the one after, because another host replaces it earlier or later.
 */
export function rotatingToken(): Auth {
  // The clock of the test, which is the true time: those of the hosts may be wrong.
  const secretAt = (ms: number): number => Math.floor((Date.now() + ms) / period);
  return {
    sign: ({ local, remote }) => `${local} ${remote} ${secretAt(0)}`,
    verify(token, { local, remote }) {
      const [signer, audience, secret] = token.split(' ');
      const known = [secretAt(-period), secretAt(0), secretAt(period)].includes(Number(secret));
      if (signer !== remote || audience !== local || !known)
        throw new RejectedError('a token of another secret', 'token');
    },
  };
}

/**
 * The tokens of `sharedSecret`, whose secret is replaced in the same way. They are made and verified one after the
 * other, and no virtual time passes meanwhile: when WebCrypto is ready is not decided by a seed. `clockOf`: the clock
 * of the run that is on.
 */
export function rotatingSecret(clockOf: () => VirtualClock): Auth {
  const secretAt = (ms: number): string =>
    `the secret of the simulation, number ${Math.floor((Date.now() + ms) / period)}`;
  let last: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(work: (auth: Auth) => T | Promise<T>): Promise<T> => {
    const auth = sharedSecret([secretAt(0), secretAt(-period), secretAt(period)]);
    const before = last;
    const result = clockOf().hold(
      (async () => {
        await before.catch(() => undefined);
        return work(auth);
      })(),
    );
    last = result;
    return result;
  };
  return {
    sign: (context) => inTurn((auth) => auth.sign(context)),
    verify: (token, context) => inTurn((auth) => auth.verify(token, context)),
  };
}
