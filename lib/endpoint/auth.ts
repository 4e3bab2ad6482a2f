import { ConfigurationError, RejectedError } from '../errors.js';
import { defaultLimits } from '../limits.js';

/** The two hosts of a handshake, seen from the one that signs or verifies. */
export interface AuthContext {
  /** Name of this host. */
  readonly local: string;
  /** Name of the other host; when verifying, the name that it claims. */
  readonly remote: string;
}

/** How a dialer proves who it is, and how an acceptor checks it. The token travels in the first message of a connection. */
export interface Auth {
  /** Makes the token that the dialer, `context.local`, sends to `context.remote`. Called once for each dial. */
  sign(context: AuthContext): string | Promise<string>;
  /**
   * Checks, at the acceptor `context.local`, the token of a host that says it is `context.remote`. To throw, or to reject,
   * is to refuse; a RejectedError has the `reason` that the dialer is told.
   */
  verify(token: string, context: AuthContext): void | Promise<void>;
}

/** Options of {@link sharedSecret}. */
export interface SharedSecretOptions {
  /** The clock, in milliseconds since the Unix epoch. Default `Date.now`. */
  readonly now?: () => number;
  /** Largest difference of the two clocks, in milliseconds. Default 5 minutes, as for the handshake. */
  readonly maxClockSkew?: number;
}

// A file of its own, loaded with the first token: who uses another Auth, and every leaf, does without jose.
const loadJose = (): Promise<typeof import('./jose.js')> => import('./jose.js');

/** Seconds for which a token is good. */
const lifetime = 5 * 60;
/** HS256 asks for a key as long as its hash (RFC 7518, section 3.2). */
const minSecretBytes = 32;
/** What a dialer whose token is refused is told. Details would help who guesses; they are in the message. */
const refusedReason = 'auth token: invalid token';

/**
 * Auth by a secret that all hosts know: the token is a JWT (HS256) whose subject is the sender, whose audience is the
 * receiver, and that expires after 5 minutes. So a token that was seen on its way is no use at another host or under
 * another name.
 *
 * The handshake accepts clocks that differ by up to `maxClockSkew` (wire protocol, section 4), so a fresh token must pass
 * there as well: that difference is tolerated for its expiry and for its time of issue. By the acceptor's clock a token is
 * good for at most 5 minutes before and 10 minutes after it was issued.
 *
 * The secret is the key as it is, so that any JWT library makes and checks the same tokens. One shorter than 32 bytes
 * is refused: whoever sees a token can try secrets without asking a host. `openssl rand -base64 32` makes a good one.
 *
 * @param secret - Text (its UTF-8 bytes are the key) or bytes (they are copied); 32 bytes or more.
 * @throws ConfigurationError when the secret is too short. `verify` rejects with RejectedError.
 */
export function sharedSecret(secret: string | Uint8Array, options: SharedSecretOptions = {}): Auth {
  const key = typeof secret === 'string' ? new TextEncoder().encode(secret) : secret.slice();
  if (key.length < minSecretBytes) {
    throw new ConfigurationError(
      `The shared secret has ${key.length} bytes; it needs ${minSecretBytes} or more. "openssl rand -base64 32" makes one.`,
    );
  }
  const now = options.now ?? Date.now;
  const tolerance = (options.maxClockSkew ?? defaultLimits.maxClockSkew) / 1_000;
  return {
    async sign({ local, remote }) {
      const issued = Math.floor(now() / 1_000);
      const { SignJWT } = await loadJose();
      return new SignJWT()
        .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
        .setSubject(local)
        .setAudience(remote)
        .setIssuedAt(issued)
        .setExpirationTime(issued + lifetime)
        .sign(key);
    },
    async verify(token, { local, remote }) {
      const { errors, jwtVerify } = await loadJose();
      let claims;
      try {
        const options = {
          algorithms: ['HS256'],
          requiredClaims: ['exp', 'sub', 'aud'],
          maxTokenAge: lifetime,
          clockTolerance: tolerance,
          currentDate: new Date(now()),
        };
        claims = (await jwtVerify(token, key, options)).payload;
      } catch (cause) {
        throw refusal(remote, cause instanceof errors.JOSEError ? cause.message : 'it is not a JWT');
      }
      // Checked here: jose takes an empty name for "do not check", and a list of audiences for any of them.
      if (claims.sub !== remote) throw refusal(remote, 'it was made by another host');
      if (claims.aud !== local) throw refusal(remote, 'it was made for another host');
    },
  };
}

/**
 * Auth by one token that all hosts send as it is, for tests and private networks: whoever sees it once can use it for
 * ever, and may call itself what it likes.
 *
 * @throws ConfigurationError when the token is empty. `verify` throws RejectedError.
 */
export function staticToken(token: string): Auth {
  const utf8 = new TextEncoder();
  const expected = utf8.encode(token);
  if (expected.length === 0) throw new ConfigurationError('The static token is empty: any host would pass.');
  return {
    sign: () => token,
    verify(presented, { remote }) {
      if (!equal(utf8.encode(presented), expected)) throw refusal(remote, 'it is another one');
    },
  };
}

/** Compares in a time that depends on the length of `presented` alone, so that it does not tell how much was right. */
function equal(presented: Uint8Array, expected: Uint8Array): boolean {
  let difference = presented.length ^ expected.length;
  for (let i = 0; i < presented.length; i++) difference |= presented[i]! ^ expected[i % expected.length]!;
  return difference === 0;
}

function refusal(remote: string, why: string): RejectedError {
  return new RejectedError(`The token of host ${JSON.stringify(remote)} is refused: ${why}.`, refusedReason);
}
