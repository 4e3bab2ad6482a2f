import type { Readable } from 'node:stream';
import { exitCodes, Failure } from '../exit/failure.js';
import type { Json } from '../output/json-value.js';
import { openInput } from '../paths/open-input.js';
import { readAll } from '../paths/read-all.js';

/** Bytes of one request, or of one line of the input, at most. */
const maxDataBytes = 64 << 20;

/** Reads what `-d` names: `@file`, `@-` or `@` for standard input, or the text itself. @throws Failure (usage) */
export async function readData(data: string, signal: AbortSignal): Promise<Uint8Array> {
  if (!data.startsWith('@')) return new TextEncoder().encode(data);
  const tooLarge = (): Failure =>
    new Failure(`${data} has more than ${String(maxDataBytes >> 20)} MiB.`, exitCodes.usage);
  return new Uint8Array(await readAll(bytesOf(data, signal), maxDataBytes, tooLarge));
}

/** The bytes of `@file`, or of standard input, as they come. Errors: Failure (usage); the reason of the signal. */
export async function* bytesOf(data: string, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const path = data.slice(1);
  const isInput = path === '' || path === '-';
  let input: Readable | undefined;
  const abort = (): void => {
    input?.destroy(signal.reason as Error);
  };
  signal.addEventListener('abort', abort);
  try {
    signal.throwIfAborted();
    input = isInput ? process.stdin : await openInput(path, signal);
    for await (const chunk of input as AsyncIterable<Uint8Array>) yield chunk;
  } catch (error) {
    signal.throwIfAborted();
    const { code } = error as NodeJS.ErrnoException;
    const name = isInput ? 'standard input' : JSON.stringify(path);
    throw new Failure(`${name} cannot be read (${code ?? String(error)}).`, exitCodes.usage);
  } finally {
    signal.removeEventListener('abort', abort);
    // A pipe that is still open would hold the process.
    input?.destroy();
  }
}

/** The values of lines of JSON, read as they are asked for. Empty lines are skipped. Errors: as {@link bytesOf}. */
export async function* linesOf(data: string, signal: AbortSignal): AsyncGenerator<Json> {
  // The chunks of a line whose end has not come: they are put together once.
  let begun: Uint8Array[] = [];
  let size = 0;
  let line = 1;
  const textWith = (end: Uint8Array): string => {
    const text = Buffer.concat([...begun, end])
      .toString('utf8')
      .trim();
    begun = [];
    size = 0;
    return text;
  };
  for await (const chunk of data.startsWith('@') ? bytesOf(data, signal) : [Buffer.from(data)]) {
    let from = 0;
    for (let end = chunk.indexOf(10); end !== -1; end = chunk.indexOf(10, from)) {
      const text = textWith(chunk.subarray(from, end));
      from = end + 1;
      if (text !== '') yield parseJson(text, `line ${String(line)} of the input`);
      line++;
    }
    size += chunk.length - from;
    if (size > maxDataBytes) {
      throw new Failure(
        `line ${String(line)} of the input has more than ${String(maxDataBytes >> 20)} MiB.`,
        exitCodes.usage,
      );
    }
    if (from < chunk.length) begun.push(chunk.subarray(from));
  }
  const last = textWith(new Uint8Array());
  if (last !== '') yield parseJson(last, `line ${String(line)} of the input`);
}

/** Reads JSON. @throws Failure (usage) that says where it is wrong. */
export function parseJson(text: string, what: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch (error) {
    // It quotes a part of the text.
    throw new Failure(
      `${what} is not JSON: ${(error as Error).message}. A text needs quotes: '"text"'.`,
      exitCodes.usage,
    );
  }
}

/** True for a text of `-d` or `--input` that reads standard input. */
export function readsInput(data: string | undefined): boolean {
  return data === '@' || data === '@-';
}
