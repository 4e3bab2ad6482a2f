import { execSync } from 'node:child_process';
import { addAbortSignal } from 'node:stream';
import type { Context } from './config.js';
import { exitCodes, Failure } from '../exit/failure.js';
import { openInput } from '../paths/open-input.js';
import { readAll } from '../paths/read-all.js';

/** The options that say where a token is. */
export interface TokenOptions {
  readonly tokenFile?: string;
  readonly tokenCommand?: string;
  /** Refused: the arguments of a process are no secret. */
  readonly token?: string;
}

/** Maximum length of a token: the command of a token may print something else. */
const maxTokenLength = 1 << 16;
/**
 * Maximum size of a file that an option names: a bundle of certificates has a quarter of that. A device may have no
 * end.
 */
const maxTextBytes = 1 << 20;
/** Time limit for the command of a token, in ms. */
const tokenCommandMs = 30_000;

/**
 * The token of flags, environment and context, in this order. Errors: Failure (usage) where there is none; the reason
 * of the signal.
 */
export async function tokenFrom(
  options: TokenOptions,
  env: NodeJS.ProcessEnv,
  context: Context | undefined,
  signal: AbortSignal,
): Promise<string> {
  if (options.token !== undefined) {
    throw new Failure(
      '--token shows the token to all users of this machine, in the list of processes. Give it with --token-file, --token-command, RXGRID_TOKEN or a context.',
      exitCodes.usage,
    );
  }
  if (options.tokenFile !== undefined) return inFile(options.tokenFile, signal);
  if (options.tokenCommand !== undefined) return printedBy(options.tokenCommand);
  if (env.RXGRID_TOKEN !== undefined && env.RXGRID_TOKEN !== '') return env.RXGRID_TOKEN;
  if (context?.tokenFile !== undefined) return inFile(context.tokenFile, signal);
  if (context?.tokenCommand !== undefined) return printedBy(context.tokenCommand);
  throw new Failure('a token is needed. Give one with --token-file, --token-command or RXGRID_TOKEN.', exitCodes.usage);
}

/**
 * Reads a file that an option names, or a FIFO once it has a writer, such as a shell's `<(command)`. Errors: Failure
 * (usage); the reason of the signal.
 */
export async function readText(path: string, what: string, signal: AbortSignal): Promise<string> {
  const tooLarge = (): Failure => new Failure(`${what}: ${JSON.stringify(path)} has more than 1 MiB.`, exitCodes.usage);
  try {
    const input = addAbortSignal(signal, await openInput(path, signal));
    return (await readAll(input as AsyncIterable<Uint8Array>, maxTextBytes, tooLarge)).toString('utf8');
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof Failure) throw error;
    const { code } = error as NodeJS.ErrnoException;
    throw new Failure(`${what} cannot be read from ${JSON.stringify(path)} (${String(code)}).`, exitCodes.usage);
  }
}

async function inFile(path: string, signal: AbortSignal): Promise<string> {
  const token = (await readText(path, 'the token', signal)).trim();
  if (token === '') throw new Failure(`the file of the token, ${JSON.stringify(path)}, is empty.`, exitCodes.usage);
  return token;
}

// Neither the command nor what it prints is quoted: both may hold a secret.
function printedBy(command: string): string {
  let text: string;
  try {
    const stdio: ['ignore', 'pipe', 'inherit'] = ['ignore', 'pipe', 'inherit'];
    text = execSync(command, { encoding: 'utf8', stdio, timeout: tokenCommandMs, maxBuffer: maxTokenLength }).trim();
  } catch (error) {
    const { status, code } = error as { readonly status?: number | null; readonly code?: string };
    const how = typeof status === 'number' ? `exit code ${String(status)}` : (code ?? 'a signal');
    throw new Failure(`the command of the token failed (${how}). Run it by hand to see why.`, exitCodes.usage);
  }
  if (text === '') throw new Failure('the command of the token prints nothing.', exitCodes.usage);
  return text;
}
