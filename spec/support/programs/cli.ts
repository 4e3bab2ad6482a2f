import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

/** What a run of the command left. */
export interface Run {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Starts the command of a folder made by `buildLib`. */
export function startCli(
  built: string,
  args: readonly string[],
  env: Record<string, string> = { RXGRID_TOKEN: 'good' },
): ChildProcess {
  const { RXGRID_TOKEN: _, ...rest } = process.env;
  return spawn(process.execPath, [join(built, 'dist/esm/cli/main.js'), ...args], { env: { ...rest, ...env } });
}

/** Waits until a command has ended. */
export async function endOf(child: ChildProcess): Promise<Run> {
  let [stdout, stderr] = ['', ''];
  child.stdout!.on('data', (data) => (stdout += String(data)));
  child.stderr!.on('data', (data) => (stderr += String(data)));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, stdout, stderr };
}

/** True where `script` can run a command on a pseudo terminal; else says so. */
export function hasTerminal(): boolean {
  const { status } = spawnSync('script', ['-qec', 'true', '/dev/null']);
  if (status === 0) return true;
  console.warn('Not run: there is no `script` of util-linux here, which makes a pseudo terminal.');
  return false;
}

/** Runs a command on a pseudo terminal of so many columns. The result is all that it wrote there. */
export async function onTerminal(built: string, columns: number, args: readonly string[]): Promise<string> {
  const quoted = [process.execPath, join(built, 'dist/esm/cli/main.js'), ...args].map((arg) => `'${arg}'`).join(' ');
  const child = spawn('script', ['-qec', `stty cols ${String(columns)} rows 24; ${quoted}`, '/dev/null'], {
    env: { ...process.env, RXGRID_TOKEN: 'good', TERM: 'xterm' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  return (await endOf(child)).stdout;
}
