import type { JWTPayload } from 'jose';
import { checkOptions, whole } from '../../check.js';
import { ConfigurationError, errorText, GridError } from '../../errors.js';
import { RejectedError, type RejectionCode } from '../../rejection.js';
import { defaultLimits } from '../../limits.js';

/** The two hosts of a handshake, from the point of view of the one that signs or verifies. */
export interface AuthContext {
  /** Name of this host. */
  readonly local: string;
  /** Name of the other host; when verifying, the name that it claims. */
  readonly remote: string;
  /** The wall clock of this host's runtime, in milliseconds since the Unix epoch. */
  readonly wallNow: () => number;
}

/**
 * How a dialer proves its identity and how an acceptor verifies it. The token is sent in the first message of a
 * connection.
 */
export interface Auth {
  /** Creates the token that the dialer, `context.local`, sends to `context.remote`. Called once per dial. */
  sign(context: AuthContext): string | Promise<string>;
  /**
   * Verifies, at the acceptor `context.local`, the token of a host that claims to be `context.remote`. Throwing or
   * rejecting refuses the token. The dialer, which is not authenticated, is sent the `reason` of a RejectedError, and a
   * neutral text for any other error; the `rejected` event of the acceptor has the text of the error itself.
   */
  verify(token: string, context: AuthContext): void | Promise<void>;
  /**
   * Returns the name of the host that a token claims to come from, without verifying it; undefined if the token names
   * none. With this method, a host whose upgrade carries a valid token is accepted even while other dialers fill
   * `maxHandshakes`.
   */
  claimedHost?(token: string): string | undefined | Promise<string | undefined>;
}

/** Options of {@link sharedSecret}. */
export interface SharedSecretOptions {
  /** Largest difference of the two clocks, in milliseconds. Default 5 minutes, as for the handshake. */
  readonly maxClockSkew?: number;
}

// A separate module, loaded with the first token: leaves and users of another Auth do not load jose.
const loadJose = (): Promise<typeof import('./jose.js')> => import('./jose.js');

/** Validity of a token, in seconds. */
const lifetime = 5 * 60;
/** HS256 asks for a key as long as its hash (RFC 7518, section 3.2). */
const minSecretBytes = 32;
/**
 * The reason that is sent to a dialer whose token is refused. Details would help an attacker, so they are only in the
 * message of the error.
 */
export const refusedReason = 'auth token: invalid token; give both hosts the same auth, with the same secret';

/**
 * Auth by a secret that all hosts know: the token is a JWT (HS256) whose subject is the sender, whose audience is the
 * receiver, and that expires after 5 minutes. An intercepted token is therefore useless at another host or under
 * another name.
 *
 * The handshake accepts clocks that differ by up to `maxClockSkew` (wire protocol, section 4). The same difference is
 * tolerated for a token's expiry and time of issue, so by the acceptor's clock a token is valid from 5 minutes before
 * to 10 minutes after it was issued.
 *
 * The secret is used as the key unchanged, so any JWT library creates and verifies the same tokens. A secret shorter
 * than 32 bytes is refused, because anyone who has seen a token can test candidate secrets offline.
 * `openssl rand -base64 32` makes a good one.
 *
 * If a list of secrets is given, the first one signs, and tokens signed with any of them are accepted. To replace a
 * secret while the cluster runs, give all hosts `[old, new]`, then `[new, old]`, then `[new]`.
 *
 * @param secret - Text (its UTF-8 bytes are the key) or bytes (they are copied), of 32 bytes or more; or a list of
 * these.
 * @throws ConfigurationError when there is no secret, or one is neither text nor bytes, or too short. `verify` rejects
 * with RejectedError.
 */
export function sharedSecret(
  secret: string | Uint8Array | readonly (string | Uint8Array)[],
  options: SharedSecretOptions = {},
): Auth {
  checkOptions(options, { maxClockSkew: whole(0, Number.MAX_SAFE_INTEGER, 'ms') }, { of: 'sharedSecret' });
  const keys = toKeys(secret);
  const signingKey = keys[0]!;
  const tolerance = (options.maxClockSkew ?? defaultLimits.maxClockSkew) / 1_000;
  return {
    async sign({ local, remote, wallNow }) {
      const issued = Math.floor(wallNow() / 1_000);
      const { SignJWT } = await loadJose();
      return new SignJWT()
        .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
        .setSubject(local)
        .setAudience(remote)
        .setIssuedAt(issued)
        .setExpirationTime(issued + lifetime)
        .sign(signingKey);
    },
    async claimedHost(token) {
      const { decodeJwt } = await loadJose();
      try {
        return decodeJwt(token).sub;
      } catch {
        return undefined;
      }
    },
    async verify(token, { local, remote, wallNow }) {
      // jose decodes leniently: without this, a token with a NUL, a newline or padding appended would pass.
      if (!isCompactJwt(token)) throw refusal(remote, 'it is not a JWT');
      const { errors, jwtVerify } = await loadJose();
      const options = {
        algorithms: ['HS256'],
        requiredClaims: ['exp', 'sub', 'aud'],
        maxTokenAge: lifetime,
        clockTolerance: tolerance,
        currentDate: new Date(wallNow()),
      };
      let claims: JWTPayload | undefined;
      let failure: unknown;
      for (const key of keys) {
        try {
          claims = (await jwtVerify(token, key, options)).payload;
          break;
        } catch (error) {
          failure = error;
          // Another key cannot help if the token is expired or malformed.
          if (!(error instanceof errors.JWSSignatureVerificationFailed)) break;
        }
      }
      if (claims === undefined) {
        if (failure instanceof errors.JWSSignatureVerificationFailed) {
          throw refusal(remote, 'it is signed with another secret: give all hosts the same one');
        }
        throw refusal(remote, failure instanceof errors.JOSEError ? failure.message : 'it is not a JWT');
      }
      // Checked here, because jose treats an empty name as "do not check" and accepts a list of audiences that contains
      // the name.
      if (claims.sub !== remote) throw refusal(remote, 'it was made by another host');
      if (claims.aud !== local) throw refusal(remote, 'it was made for another host');
    },
  };
}

/**
 * Auth by one token that all hosts send unchanged, for tests and private networks: anyone who has seen it can use it
 * forever, under any name.
 *
 * @throws ConfigurationError when the token is no text, or empty. `verify` throws RejectedError.
 */
export function staticToken(token: string): Auth {
  const given: unknown = token;
  if (typeof given !== 'string' || given === '') {
    throw new ConfigurationError(
      `staticToken needs a text that is not empty, and was given ${describe(given)}: any host would pass. Set it in the environment of every host, for example staticToken(process.env.GRID_TOKEN).`,
    );
  }
  const utf8 = new TextEncoder();
  const expected = utf8.encode(token);
  return {
    sign: () => token,
    verify(presented, { remote }) {
      if (!equal(utf8.encode(presented), expected)) throw refusal(remote, 'it is another one');
    },
  };
}

/**
 * Compares in a time that depends only on the length of `presented`, so the time does not reveal how much of it was
 * correct.
 */
function equal(presented: Uint8Array, expected: Uint8Array): boolean {
  let difference = presented.length ^ expected.length;
  for (let i = 0; i < presented.length; i++) difference |= presented[i]! ^ expected[i % expected.length]!;
  return difference === 0;
}

/** True for three base64url parts without padding (RFC 7515, section 3.1), the last one with no unused bits set. */
function isCompactJwt(token: string): boolean {
  return /^[\w-]+\.[\w-]+\.[\w-]{42}[AEIMQUYcgkosw048]$/.test(token);
}

const howToSetSecret =
  'give all hosts the same secret, for example sharedSecret(process.env.GRID_SECRET) with a value that "openssl rand -base64 32" makes.';

function toKeys(secret: unknown): readonly Uint8Array[] {
  const keys = (Array.isArray(secret) ? (secret as readonly unknown[]) : [secret]).map(toKey);
  if (keys.length === 0) throw new ConfigurationError(`sharedSecret was given an empty list: ${howToSetSecret}`);
  return keys;
}

function toKey(secret: unknown): Uint8Array {
  if (typeof secret !== 'string' && !(secret instanceof Uint8Array)) {
    throw new ConfigurationError(
      `sharedSecret needs text or bytes, and was given ${describe(secret)}: ${howToSetSecret}`,
    );
  }
  const key = typeof secret === 'string' ? new TextEncoder().encode(secret) : secret.slice();
  if (key.length < minSecretBytes) {
    throw new ConfigurationError(
      `The shared secret has ${key.length} bytes; it needs ${minSecretBytes} or more: ${howToSetSecret}`,
    );
  }
  return key;
}

/** Describes an invalid value without showing it, because it may be part of a secret. */
export function describe(value: unknown): string {
  if (value === undefined || value === null) return String(value);
  if (value === '') return 'an empty text';
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}

/**
 * Verifies a token with a user's hook.
 *
 * @throws RejectedError with `code`, or with `rejected` where the hook threw a retryable error of the library, such as
 * UnavailableError, because it could not look the token up. If the hook throws no RejectedError, its text becomes the
 * message, and the reason, which is sent to the dialer, is `neutral`: the dialer is not authenticated, and the text may
 * name a database or a user.
 */
export async function checkToken<T>(
  neutral: string,
  check: () => T | PromiseLike<T>,
  code: RejectionCode = 'rejected',
): Promise<T> {
  try {
    return await check();
  } catch (error) {
    if (error instanceof RejectedError && (error.code !== 'rejected' || code === 'rejected')) throw error;
    const reason = error instanceof RejectedError ? error.reason : neutral;
    throw new RejectedError(errorText(error), reason, isRetryable(error) ? 'rejected' : code);
  }
}

// A hook that could not look the token up says nothing about the token.
function isRetryable(error: unknown): boolean {
  return error instanceof GridError && !(error instanceof RejectedError) && error.retryable;
}

function refusal(remote: string, why: string): RejectedError {
  return new RejectedError(`The token of host ${JSON.stringify(remote)} is refused: ${why}.`, refusedReason);
}
