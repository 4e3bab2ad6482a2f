import type { Failure } from '../exit/failure.js';

/**
 * All bytes of an input. Throws the result of `tooLarge` once there are more than `maxBytes`, and the errors of the
 * input.
 */
export async function readAll(
  input: AsyncIterable<Uint8Array>,
  maxBytes: number,
  tooLarge: () => Failure,
): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of input) {
    size += chunk.length;
    if (size > maxBytes) throw tooLarge();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
