import { lastValueFrom } from 'rxjs';
import { DisconnectedError } from '../../errors.js';
import { LogHistogram, quantileOf } from '../../metrics/log-histogram.js';
import { toAsyncIterable } from '../../operators/to-async-iterable.js';
import { systemRuntime } from '../../runtime.js';
import type { AddCommands } from '../commands.js';
import { durationOption } from '../connect/duration.js';
import { exitCodes, Failure } from '../exit/failure.js';
import { jsonText, print, wholeNumber, write } from '../output/output.js';
import { sizeText } from '../output/progress-bar.js';
import {
  descriptionOf,
  duplexOf,
  findRoute,
  unaryOf,
  type RemoteRoute,
  type RouteOptions,
} from '../request/remote-route.js';
import { describeRouteOptions } from '../request/route-options.js';
import { describeTarget, withTarget, type Target, type TargetOptions } from '../connect/target.js';
import { requestOf } from './call.js';

interface BenchOptions extends TargetOptions, RouteOptions {
  readonly data?: string;
  readonly concurrency: number;
  readonly for: number;
  readonly size: number;
  readonly json?: boolean;
}

/** What a run has counted. */
interface Counts {
  readonly latencies: LogHistogram;
  done: number;
  bytes: number;
  min: number;
  max: number;
  readonly errors: Map<string, number>;
  /** The loss of the connection, which ends the run. */
  lost: DisconnectedError | undefined;
}

/** Codes of errors that are counted one by one. */
const maxCodes = 32;
/** Share of the time that is not counted: connections, caches and compilers warm up. */
const warmUp = 0.1;
/** Failures in a row that end the run: a host that refuses all calls is not measured. */
const maxFailuresInARow = 100;

const help = `
Without a route it takes "echo", which rxgrid serve --echo has: bytes that come back. Of a stream the items are counted. The
first tenth of the time is not. With --json, one object: {"route", "kind", "concurrency", "seconds", "done", "rate", "bytes",
"errors", "latency"}; rate per second, bytes of payloads received, errors by their code, and latency {"min", "mean", "p50", "p90",
"p99", "max"} in ms, null for a stream. Exit code 5: some calls failed; 1: all did; 3: the
connection was lost, and what was measured before is printed.

Examples:
  rxgrid bench --host 10.0.0.1:9000 --size 1024 -c 64
  rxgrid bench diskInfo -d '{"disk": 1}' --for 10 --json`;

/** Adds `rxgrid bench`. */
export const addBench: AddCommands = (program, run) => {
  const command = program
    .command('bench')
    .description('Calls a route of a host again and again, and measures rates and latencies. It loads the host.')
    .argument('[route]', 'name of the route', 'echo')
    .option('-d, --data <json>', 'the request: JSON, @file, or @- for standard input')
    .option('-c, --concurrency <n>', 'calls, or streams, at once', wholeNumber(1, 10_000), 16)
    .addOption(durationOption('--for <duration>', 'how long', '5s'))
    .option(
      '--size <bytes>',
      'bytes of the request, where the route takes bytes and -d is not given',
      wholeNumber(0, 4 << 20),
      64,
    )
    .option('--json', 'one line of JSON');
  describeTarget(describeRouteOptions(command))
    .addHelpText('after', help)
    .action((name: string, options: BenchOptions) =>
      run((signal) => withTarget(options, signal, (target) => bench(target, name, options))),
    );
};

async function bench(target: Target, name: string, options: BenchOptions): Promise<number> {
  const remote = await benchedRoute(target, name, options);
  const { kind } = remote.route;
  const value = await valueOf(remote, options, target.signal);
  const latencies = new LogHistogram();
  const counts: Counts = { latencies, done: 0, bytes: 0, min: Infinity, max: 0, errors: new Map(), lost: undefined };
  const began = systemRuntime.now();
  const from = began + options.for * warmUp;
  const until = began + options.for;
  const stop = new AbortController();
  const { signal } = stop;
  target.signal.addEventListener('abort', () => {
    stop.abort();
  });
  const cancelTimer = systemRuntime.schedule(() => {
    stop.abort();
  }, options.for);
  const lose = (error: unknown): boolean => {
    // A call that the end of the run cuts off is not a failure.
    if (signal.aborted) return true;
    if (!(error instanceof DisconnectedError)) return false;
    counts.lost ??= error;
    stop.abort();
    return true;
  };
  const work = { target, remote, value, counts, from, until, signal, lose, isRaw: options.raw === true };
  try {
    const one = kind === 'unary' ? callAgain : readStream;
    await Promise.all(Array.from({ length: options.concurrency }, () => one(work)));
  } finally {
    cancelTimer();
  }
  target.signal.throwIfAborted();
  const seconds = (Math.min(until, systemRuntime.now()) - from) / 1_000;
  await show(remote, counts, Math.max(seconds, 0.001), options);
  if (counts.lost !== undefined) throw counts.lost;
  const failed = [...counts.errors.values()].reduce((sum, each) => sum + each, 0);
  if (failed === 0) return exitCodes.done;
  if (counts.done > 0) return exitCodes.partly;
  throw new Failure(`every call failed: ${[...counts.errors.keys()].join(', ')}.`);
}

interface Work {
  readonly target: Target;
  readonly remote: RemoteRoute;
  readonly value: unknown;
  readonly counts: Counts;
  /** Calls that end between these two times of the monotonic clock are counted. */
  readonly from: number;
  readonly until: number;
  readonly signal: AbortSignal;
  /** True where the run is over: its time is up, or the error is the loss of the connection, which ends all calls. */
  readonly lose: (error: unknown) => boolean;
  readonly isRaw: boolean;
}

async function callAgain({ target, remote, value, counts, from, until, signal, lose, isRaw }: Work): Promise<void> {
  const { connection, timeout } = target;
  const route = unaryOf(remote, isRaw);
  let failures = 0;
  while (!signal.aborted && failures < maxFailuresInARow) {
    const began = systemRuntime.now();
    try {
      const response = await lastValueFrom(connection.request(route, value, { signal, timeout }), {
        defaultValue: undefined,
      });
      failures = 0;
      const now = systemRuntime.now();
      if (began >= from && now <= until) count(counts, now - began, response);
    } catch (error) {
      if (lose(error)) return;
      failures++;
      countError(counts, error);
    }
  }
}

async function readStream({ target, remote, value, counts, from, until, signal, lose, isRaw }: Work): Promise<void> {
  const { input: _, ...route } = duplexOf(remote, isRaw);
  try {
    const items$ = target.connection.stream({ ...route, input: undefined, inWindow: undefined }, value, { signal });
    for await (const item of toAsyncIterable(items$)) {
      const now = systemRuntime.now();
      if (now >= from && now <= until) count(counts, undefined, item);
    }
  } catch (error) {
    if (!lose(error)) countError(counts, error);
  }
}

function count(counts: Counts, ms: number | undefined, value: unknown): void {
  counts.done++;
  if (value instanceof Uint8Array) counts.bytes += value.length;
  if (ms === undefined) return;
  counts.latencies.record(ms);
  counts.min = Math.min(counts.min, ms);
  counts.max = Math.max(counts.max, ms);
}

function countError({ errors }: Counts, error: unknown): void {
  const { code } = error as { readonly code?: unknown };
  const name = typeof code === 'string' && (errors.has(code) || errors.size < maxCodes) ? code : 'other';
  errors.set(name, (errors.get(name) ?? 0) + 1);
}

/** The route, whatever its kind. @throws Failure where there is none. */
async function benchedRoute(target: Target, name: string, options: BenchOptions): Promise<RemoteRoute> {
  const description = options.id === undefined ? await descriptionOf(target) : undefined;
  const found = description?.routes.find((each) => each.name === name);
  if (description !== undefined && found === undefined && name === 'echo') {
    throw new Failure(
      `${target.name} serves no route "echo". Name a route of it, or start the host with rxgrid serve --echo.`,
      exitCodes.usage,
    );
  }
  return findRoute(target, name, found?.kind ?? 'unary', options);
}

async function valueOf(remote: RemoteRoute, options: BenchOptions, signal: AbortSignal): Promise<unknown> {
  const { described, route } = remote;
  const takesBytes = described ? route.request?.codec === 'raw' : options.raw === true;
  if (options.data === undefined && takesBytes) return new Uint8Array(options.size);
  return requestOf(remote, options, signal);
}

async function show(
  { route }: RemoteRoute,
  counts: Counts,
  seconds: number,
  { concurrency, json = false }: BenchOptions,
): Promise<void> {
  const { done, bytes, errors, min, max, latencies } = counts;
  const { durations } = latencies;
  const at = (quantile: number): number => Math.min(max, Math.max(min, quantileOf(durations, quantile) ?? 0));
  const latency =
    durations.count === 0
      ? null
      : { min, mean: durations.sum / durations.count, p50: at(0.5), p90: at(0.9), p99: at(0.99), max };
  const rate = done / seconds;
  if (json) {
    const kind = route.kind === 'unary' ? 'call' : 'stream';
    const inMs = latency && Object.fromEntries(Object.entries(latency).map(([key, ms]) => [key, rounded(ms)]));
    const shown = {
      route: route.name,
      kind,
      concurrency,
      seconds: rounded(seconds),
      done,
      rate: rounded(rate),
      bytes,
      errors: Object.fromEntries(errors),
      latency: inMs,
    };
    await write(`${jsonText(shown)}\n`);
    return;
  }
  const what = route.kind === 'unary' ? 'calls' : 'items';
  await print(
    `${route.name}: ${String(Math.round(rate))} ${what}/s with ${String(concurrency)} at once (${String(done)} in ${seconds.toFixed(1)} s)`,
  );
  if (bytes > 0) await print(`bytes:   ${sizeText(bytes / seconds)}/s`);
  if (latency !== null) {
    const parts = Object.entries(latency).map(([key, ms]) => `${key} ${ms.toFixed(2)}`);
    await print(`latency: ${parts.join('  ')} ms`);
  }
  for (const [code, number] of errors) await print(`failed:  ${String(number)} with ${code}`);
}

/** Three digits after the point. */
function rounded(value: number): number {
  return Math.round(value * 1_000) / 1_000;
}
