/** The headers of a dial: the token, and the time as Unix time in nanoseconds, decimal. `wallNow` in ms. */
export function dialHeaders(token: string, wallNow: number): Record<string, string> {
  const nanoseconds = BigInt(Math.floor(wallNow)) * 1_000_000n;
  return { Authorization: `Bearer ${token}`, 'X-Minio-Time': String(nanoseconds) };
}
