import { describe, expect, it } from '@jest/globals';
import { SignJWT, UnsecuredJWT } from 'jose';
import { ConfigurationError } from '../../../lib/errors.js';
import { RejectedError } from '../../../lib/rejection.js';
import { sharedSecret, staticToken } from '../../../lib/endpoint/accept/auth.js';

const secret = 'a secret of more than thirty-two bytes';
const key = new TextEncoder().encode(secret);
const a = 'http://a:9000';
const b = 'http://b:9000';
const wallNow = Date.now;
const dialer = { local: a, remote: b, wallNow };
const acceptor = { local: b, remote: a, wallNow };
const minute = 60_000;

/** Makes a token at time 0 and checks it at `time`. */
async function passes(time: number, maxClockSkew?: number): Promise<void> {
  const start = 1_795_459_691_000;
  const token = await sharedSecret(secret).sign({ ...dialer, wallNow: () => start });
  const options = maxClockSkew === undefined ? {} : { maxClockSkew };
  await sharedSecret(secret, options).verify(token, { ...acceptor, wallNow: () => start + time });
}

describe('sharedSecret', () => {
  it('accepts its own token, with the secret as text or as bytes', async () => {
    const token = await sharedSecret(secret).sign(dialer);
    await sharedSecret(key).verify(token, acceptor);
    const claims = JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString());
    expect(claims).toMatchObject({ sub: a, aud: b });
    expect(claims.exp - claims.iat).toBe(300);
  });

  it('does not change when the bytes of the secret are overwritten', async () => {
    const bytes = key.slice();
    const auth = sharedSecret(bytes);
    bytes.fill(0);
    const token = await auth.sign(dialer);
    await expect(sharedSecret(secret).verify(token, acceptor)).resolves.not.toThrow();
  });

  it.each<[string, string, { local: string; remote: string }]>([
    ['with another secret', `${secret}!`, acceptor],
    ['made for another host', secret, { local: 'http://c:9000', remote: a }],
    ['made by another host', secret, { local: b, remote: 'http://c:9000' }],
    ['reflected to its sender', secret, { local: a, remote: b }],
    ['of another host, when a leaf presents it', secret, { local: b, remote: '' }],
  ])('refuses a token %s', async (_, otherSecret, context) => {
    const token = await sharedSecret(otherSecret).sign(dialer);
    await expect(sharedSecret(secret).verify(token, { ...context, wallNow })).rejects.toBeInstanceOf(RejectedError);
  });

  it('accepts the empty name of a leaf as a name', async () => {
    const token = await sharedSecret(secret).sign({ local: '', remote: b, wallNow });
    await sharedSecret(secret).verify(token, { local: b, remote: '', wallNow });
    await expect(sharedSecret(secret).verify(token, acceptor)).rejects.toBeInstanceOf(RejectedError);
  });

  it('accepts clocks that differ by 5 minutes either way, and an expiry of 5 minutes on top', async () => {
    await passes(0);
    await passes(-5 * minute);
    await passes(5 * minute);
    await passes(10 * minute - 1_000);
    await expect(passes(10 * minute)).rejects.toThrow(/refused: "exp" claim/);
    await expect(passes(-5 * minute - 1_000)).rejects.toThrow(/refused: "iat" claim/);
  });

  it('accepts a larger clock difference where the option allows it', async () => {
    await passes(4 * minute, 0);
    await expect(passes(5 * minute, 0)).rejects.toBeInstanceOf(RejectedError);
    await expect(passes(-1_000, 0)).rejects.toBeInstanceOf(RejectedError);
    await passes(-9 * minute, 10 * minute);
  });

  it('sends the dialer no details', async () => {
    await expect(sharedSecret(secret).verify('x', acceptor)).rejects.toMatchObject({
      reason: 'auth token: invalid token; give both hosts the same auth, with the same secret',
      code: 'rejected',
    });
  });

  it.each(['', 'x', 'a.b.c', '..', 'debug', '\u0000', 'é'.repeat(1_000)])(
    'refuses a malformed token: %j',
    async (token) => {
      await expect(sharedSecret(secret).verify(token, acceptor)).rejects.toBeInstanceOf(RejectedError);
    },
  );

  it('refuses a valid token that is spelt differently', async () => {
    const token = await sharedSecret(secret).sign(dialer);
    // The last character of a signature of 32 bytes has two bits that say nothing.
    const digits = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
    const other = token.slice(0, -1) + digits[digits.indexOf(token.at(-1)!) + 1]!;
    const spelt = [`${token}\0`, `${token}\n`, `${token}=`, `${token} `, ` ${token}`, token.replace('.', '=.'), other];
    for (const each of spelt) {
      await expect(sharedSecret(secret).verify(each, acceptor)).rejects.toBeInstanceOf(RejectedError);
    }
    await sharedSecret(secret).verify(token, acceptor);
  });

  it('refuses a token without signature, without or with a distant expiry, or of another algorithm', async () => {
    const auth = sharedSecret(secret);
    const now = Math.floor(Date.now() / 1_000);
    const full = () => new SignJWT().setSubject(a).setAudience(b).setIssuedAt(now);
    const unsigned = new UnsecuredJWT()
      .setSubject(a)
      .setAudience(b)
      .setIssuedAt(now)
      .setExpirationTime(now + 9);
    const tokens = [
      unsigned.encode(),
      await full().setProtectedHeader({ alg: 'HS256' }).sign(key),
      await full()
        .setProtectedHeader({ alg: 'HS512' })
        .setExpirationTime(now + 9)
        .sign(new Uint8Array(64).fill(1)),
      await full()
        .setAudience([b, a])
        .setProtectedHeader({ alg: 'HS256' })
        .setExpirationTime(now + 9)
        .sign(key),
      // Good for a year by its own expiry, but made eleven minutes ago.
      await full()
        .setIssuedAt(now - 660)
        .setProtectedHeader({ alg: 'HS256' })
        .setExpirationTime(now + 3e7)
        .sign(key),
    ];
    for (const token of tokens) await expect(auth.verify(token, acceptor)).rejects.toBeInstanceOf(RejectedError);
    const good = await full()
      .setProtectedHeader({ alg: 'HS256' })
      .setExpirationTime(now + 9)
      .sign(key);
    await auth.verify(good, acceptor);
  });

  it('signs with the first of several secrets, and accepts tokens of each: secrets can be rotated', async () => {
    const newer = 'another secret, of more than thirty-two bytes';
    const both = sharedSecret([newer, secret]);
    await both.verify(await sharedSecret(secret).sign(dialer), acceptor);
    await both.verify(await both.sign(dialer), acceptor);
    await sharedSecret(newer).verify(await both.sign(dialer), acceptor);
    await expect(sharedSecret(secret).verify(await both.sign(dialer), acceptor)).rejects.toThrow(
      /signed with another secret/,
    );
    await expect(both.verify(await sharedSecret(`${secret}!`).sign(dialer), acceptor)).rejects.toThrow(
      /signed with another secret/,
    );
    await expect(both.verify('x', acceptor)).rejects.toBeInstanceOf(RejectedError);
  });

  it('verifies the names and the times of a token of each secret', async () => {
    const both = sharedSecret(['another secret, of more than thirty-two bytes', secret]);
    const late = { ...acceptor, wallNow: () => 20 * minute };
    const old = await sharedSecret(secret).sign({ ...dialer, wallNow: () => 0 });
    await expect(both.verify(old, late)).rejects.toThrow(/"exp" claim/);
    const foreign = await sharedSecret(secret).sign({ ...late, local: 'http://c:1', remote: b });
    await expect(both.verify(foreign, late)).rejects.toThrow(/another host/);
  });

  it.each<[string, unknown, RegExp]>([
    ['undefined, as of a variable that is not set', undefined, /was given undefined: .*GRID_SECRET/],
    ['null', null, /was given null/],
    ['a number', 123, /was given a number/],
    ['an object', { length: 32 }, /was given an object/],
    ['an empty text', '', /has 0 bytes; it needs 32 or more/],
    ['an empty list', [], /was given an empty list/],
    ['a list of numbers', Array(32).fill(1), /was given a number/],
    ['a list with undefined', [secret, undefined], /was given undefined/],
    ['a list with a short one', [secret, 'short'], /has 5 bytes/],
  ])('refuses %s, and says what to set', (_, given, text) => {
    expect(() => sharedSecret(given as string)).toThrow(ConfigurationError);
    expect(() => sharedSecret(given as string)).toThrow(text);
  });

  it('refuses a secret that is too short, and says how to generate one', () => {
    expect(() => sharedSecret('x'.repeat(31))).toThrow(ConfigurationError);
    expect(() => sharedSecret('x'.repeat(31))).toThrow(/has 31 bytes; it needs 32 or more.*openssl/);
    expect(() => sharedSecret(new Uint8Array(0))).toThrow(ConfigurationError);
    sharedSecret('é'.repeat(16));
  });
});

describe('staticToken', () => {
  const auth = staticToken('debug');

  it('accepts the token and nothing else', () => {
    expect(auth.sign(dialer)).toBe('debug');
    expect(auth.verify('debug', acceptor)).toBeUndefined();
    for (const token of ['', 'd', 'debu', 'debugd', 'debugdebug', 'Debug', 'debuG', 'x'.repeat(100_000)]) {
      expect(() => auth.verify(token, acceptor)).toThrow(RejectedError);
    }
  });

  it.each([undefined, null, '', 1, ['token']])('refuses %j, and says what to set', (token) => {
    expect(() => staticToken(token as string)).toThrow(ConfigurationError);
    expect(() => staticToken(token as string)).toThrow(/GRID_TOKEN/);
  });
});
