import { RejectedError, type Auth } from '../../lib/index.js';

/** Virtual ms between two secrets. */
const period = 7_000;

/**
 * Tokens of a secret that is replaced while the hosts run: each host signs with the secret of the time, and accepts the one
 * before and the one after, because another host replaces it earlier or later.
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
