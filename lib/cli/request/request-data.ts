import { createReadStream } from 'node:fs';
import { exitCodes, Failure } from '../exit/failure.js';
import type { Json } from '../output/json-value.js';

/** Bytes of one request, or of one line of the input, at most. */
const maxDataBytes = 64 << 20;

/** Reads what `-d` names: `@file`, `@-` or `@` for standard input, or the text itself. @throws Failure (usage) */
export async function readData(data: string, signal: AbortSignal): Promise<Uint8Array> {
  if (!data.startsWith('@')) return new TextEncoder().encode(data);
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of bytesOf(data, signal)) {
    size += chunk.length;
    if (size > maxDataBytes)
      throw new Failure(`${data} has more than ${String(maxDataBytes >> 20)} MiB.`, exitCodes.usage);
    chunks.push(chunk);
  }
  return new Uint8Array(Buffer.concat(chunks));
}

/** The bytes of `@file`, or of standard input, as they come. Errors: Failure (usage); the reason of the signal. */
export async function* bytesOf(data: string, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const path = data.slice(1);
  const isInput = path === '' || path === '-';
  const input = isInput ? process.stdin : createReadStream(path);
  const abort = (): void => {
    input.destroy(signal.reason as Error);
  };
  signal.addEventListener('abort', abort);
  try {
    signal.throwIfAborted();
    for await (const chunk of input as AsyncIterable<Uint8Array>) yield chunk;
  } catch (error) {
    signal.throwIfAborted();
    const { code } = error as NodeJS.ErrnoException;
    const name = isInput ? 'standard input' : JSON.stringify(path);
    throw new Failure(`${name} cannot be read (${code ?? String(error)}).`, exitCodes.usage);
  } finally {
    signal.removeEventListener('abort', abort);
    // A pipe that is still open would hold the process.
    input.destroy();
  }
}

/** The values of lines of JSON, read as they are asked for. Empty lines are skipped. Errors: as {@link bytesOf}. */
export async function* linesOf(data: string, signal: AbortSignal): AsyncGenerator<Json> {
  let rest = Buffer.alloc(0);
  let line = 0;
  for await (const chunk of data.startsWith('@') ? bytesOf(data, signal) : [Buffer.from(data)]) {
    rest = rest.length === 0 ? Buffer.from(chunk) : Buffer.concat([rest, chunk]);
    for (let end = rest.indexOf(10); end !== -1; end = rest.indexOf(10)) {
      line++;
      const text = rest.toString('utf8', 0, end).trim();
      rest = rest.subarray(end + 1);
      if (text !== '') yield parseJson(text, `line ${String(line)} of the input`);
    }
    if (rest.length > maxDataBytes) {
      throw new Failure(
        `line ${String(line + 1)} of the input has more than ${String(maxDataBytes >> 20)} MiB.`,
        exitCodes.usage,
      );
    }
  }
  const last = rest.toString('utf8').trim();
  if (last !== '') yield parseJson(last, `line ${String(line + 1)} of the input`);
}

/** Reads JSON. @throws Failure (usage) that says where it is wrong. */
export function parseJson(text: string, what: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch (error) {
    // It quotes a part of the text.
    throw new Failure(
      `${what} is no JSON: ${(error as Error).message}. A text needs quotes: '"text"'.`,
      exitCodes.usage,
    );
  }
}

/** True for a text of `-d` or `--input` that reads standard input. */
export function readsInput(data: string | undefined): boolean {
  return data === '@' || data === '@-';
}
