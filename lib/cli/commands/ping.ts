import { setTimeout as delay } from 'node:timers/promises';
import { firstValueFrom } from 'rxjs';
import { DeadlineExceededError, RefusedError } from '../../errors.js';
import { monitorRoutes } from '../../monitor/index.js';
import { systemRuntime } from '../../runtime.js';
import type { AddCommands } from '../commands.js';
import { exitCodes, Failure } from '../exit/failure.js';
import { jsonText, print, wholeNumber, write } from '../output/output.js';
import { durationOption } from '../connect/duration.js';
import { describeTarget, withTarget, type Target, type TargetOptions } from '../connect/target.js';

interface PingOptions extends TargetOptions {
  readonly count: number;
  readonly interval: number;
  readonly json?: boolean;
}

const help = `
It measures a call of the monitor: from the command to a handler of the host and back. A host that refuses that call has
answered as well. With --json, each answer is {"seq", "ms"} or {"seq", "lost": true}, and the last line
{"sent", "answered", "min", "mean", "max"}, in ms. Exit code 5: some were not answered; 1: none was.`;

/** Adds `rxgrid ping`. */
export const addPing: AddCommands = (program, run) => {
  const command = program
    .command('ping')
    .description('Measures how long a host takes to answer a call.')
    .option('-c, --count <n>', 'so many calls', wholeNumber(1, 1_000_000), 4)
    .addOption(
      durationOption('--interval <duration>', 'time between two calls; a plain number is in ms', '1s', {
        unit: 'ms',
        zero: true,
      }),
    )
    .option('--json', 'lines of JSON');
  describeTarget(command)
    .addHelpText('after', help)
    .action((options: PingOptions) => run((signal) => withTarget(options, signal, (target) => ping(target, options))));
};

async function ping(target: Target, { count, interval, json = false }: PingOptions): Promise<number> {
  const { signal, name } = target;
  const isOver = (): boolean => signal.aborted;
  const times: number[] = [];
  let sent = 0;
  while (sent < count && !isOver()) {
    if (sent > 0) await delay(interval, undefined, { signal }).catch(() => undefined);
    if (isOver()) break;
    sent++;
    const ms = await answered(target);
    if (isOver()) break;
    if (ms !== undefined) times.push(ms);
    if (json) await write(`${jsonText(ms === undefined ? { seq: sent, lost: true } : { seq: sent, ms })}\n`);
    else
      await print(
        ms === undefined
          ? `no answer from ${name}: seq=${String(sent)}`
          : `answer from ${name}: seq=${String(sent)} time=${ms.toFixed(2)} ms`,
      );
  }
  // An interruption ends the command as the count does, but for its exit code.
  const min = times.length === 0 ? undefined : Math.min(...times);
  const max = times.length === 0 ? undefined : Math.max(...times);
  const mean = times.length === 0 ? undefined : times.reduce((sum, each) => sum + each, 0) / times.length;
  if (json)
    await write(
      `${jsonText({ sent, answered: times.length, min: min ?? null, mean: mean ?? null, max: max ?? null })}\n`,
    );
  else {
    const figures =
      min === undefined ? '' : `, min/mean/max ${[min, mean!, max!].map((each) => each.toFixed(2)).join('/')} ms`;
    await print(`${String(sent)} sent, ${String(times.length)} answered${figures}`);
  }
  signal.throwIfAborted();
  if (times.length === 0) throw new Failure(`${name} did not answer. --timeout sets the time to wait.`);
  return times.length < sent ? exitCodes.partly : exitCodes.done;
}

/** How long one call took, in ms; undefined where there was no answer in time. */
async function answered({ connection, signal, timeout }: Target): Promise<number | undefined> {
  const began = systemRuntime.now();
  try {
    await firstValueFrom(connection.request(monitorRoutes.info, undefined, { signal, timeout }));
  } catch (error) {
    if (signal.aborted || error instanceof DeadlineExceededError) return undefined;
    // Retryable: the host, or the one on the way to it, could not take the call.
    if (!(error instanceof RefusedError) && !isAnswer(error)) throw error;
  }
  return systemRuntime.now() - began;
}

function isAnswer(error: unknown): boolean {
  return (error as { readonly code?: unknown }).code === 'permission-denied';
}
