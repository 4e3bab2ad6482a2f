import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { DisconnectedError } from '../../errors.js';
import { FileError, FilesReadOnlyError, FileSpaceError } from '../../files/file-error.js';
import type { LeafConnection } from '../../endpoint/leaves/leaf.js';
import { sweepKilled } from '../../node/files/folder/sweep.js';
import { printable } from '../../printable.js';
import { systemRuntime } from '../../runtime.js';
import { parseAddress, type Address } from '../paths/address.js';
import { copyIn } from './copy-in.js';
import { copyOut } from './copy-out.js';
import type { CopyContext, CopyOptions } from './copy.js';
import { lastName } from '../paths/path-text.js';
import { connectWith } from '../connect/connection-options.js';
import type { CpOptions } from './cp-options.js';
import { exitCodes, Failure } from '../exit/failure.js';
import { isGlob, pathMatcher } from '../paths/glob.js';
import { Interruption } from '../exit/interruption.js';
import { ProgressBar } from '../output/progress-bar.js';
import type { Remote } from '../paths/remote-folder.js';
import { expandRemote } from '../paths/remote-glob.js';
import { Report } from './report.js';
import { Throttle } from './throttle.js';

/** The longest pause before another try, in ms; the first is a second, and each is twice the one before. */
const maxPauseMs = 30_000;

/** One source that is copied to the target. */
interface Job {
  readonly from: Address;
  readonly to: Address;
  readonly decided: { target?: string };
  done: boolean;
}

/** Runs `rxgrid cp`. The result is the exit code. @throws Failure; errors of calls. */
export async function cp(
  sources: readonly string[],
  target: string,
  options: CpOptions,
  signal: AbortSignal,
): Promise<number> {
  const froms = sources.map((source) => parseAddress(source));
  const to = parseAddress(target);
  const host = hostOf(froms, to);
  checkPipes(froms, to, options);
  checkFolders(options);
  const connectOnce = (): Promise<LeafConnection> => connectWith(host, options, signal);
  const throttle = options.limitRate === undefined ? undefined : new Throttle(options.limitRate, systemRuntime);
  const report = reportOf(froms, to, options);
  let connection: LeafConnection | undefined;
  let failure: unknown;
  try {
    connection = await connectOnce();
    const jobs = await jobsOf({ connection, signal, options }, froms, to);
    for (let attempt = 0; ; attempt++) {
      try {
        await runJobs(jobs, { connection, report, signal, throttle, options: copyOptions(options, attempt > 0) });
        break;
      } catch (error) {
        if (!isLoss(error) || attempt >= options.retry) throw error;
        report.line(`the connection is lost. Attempt ${String(attempt + 1)} of ${String(options.retry)} follows.`);
        connection.close();
        await delay(Math.min(1_000 * 2 ** attempt, maxPauseMs), undefined, { signal }).catch(() => {
          signal.throwIfAborted();
        });
        // A failed connection counts as an attempt: the next copy then fails at once.
        connection = await connectOnce().catch((failure: unknown) => {
          if (attempt + 1 >= options.retry || signal.aborted || !isLoss(failure)) throw failure;
          return connection!;
        });
      }
    }
    await sweepTargets(jobs);
  } catch (error) {
    failure = error instanceof Interruption ? interrupted(error, options, to) : error;
    throw failure;
  } finally {
    report.end(failure === undefined, failure);
    connection?.close();
  }
  if (report.failures === 0) return exitCodes.done;
  // The summary says how many.
  throw new Failure('', exitCodes.partly);
}

async function runJobs(jobs: readonly Job[], context: Omit<CopyContext, 'decided'>): Promise<void> {
  const { report, signal } = context;
  report.begin();
  for (const [index, job] of jobs.entries()) {
    if (job.done) continue;
    report.beginSource(index === jobs.length - 1);
    try {
      await runJob(job, context);
    } catch (error) {
      // The failure of one source does not end the others, unless the connection is lost, a disk is full, or the host
      // is read-only.
      const goesOn = (error instanceof Failure && error.exitCode !== exitCodes.disconnected) || isOfOneFile(error);
      if (jobs.length === 1 || signal.aborted || !goesOn) throw error;
      report.failed(error);
    }
    job.done = true;
  }
}

async function runJob(job: Job, context: Omit<CopyContext, 'decided'>): Promise<void> {
  try {
    await copyJob(job, context);
  } catch (error) {
    if (!(error instanceof FileSpaceError)) throw error;
    const where = job.from.kind === 'remote' ? 'It is a disk of this machine.' : 'It is the disk of the host.';
    throw new FileSpaceError(`${error.message} ${where}`, error.path, { cause: error });
  }
}

async function copyJob({ from, to, decided }: Job, context: Omit<CopyContext, 'decided'>): Promise<void> {
  if (from.kind === 'remote') {
    await copyIn({ ...context, decided }, from.path, to.kind === 'local' ? to.path : undefined);
  } else if (to.kind === 'remote') {
    await copyOut({ ...context, decided }, from.kind === 'local' ? from.path : undefined, to.path);
  }
}

/** Removes what killed runs have left beside the files that were copied to here. */
async function sweepTargets(jobs: readonly Job[]): Promise<void> {
  const targets = jobs.flatMap(({ to, decided: { target } }) =>
    to.kind !== 'local' || target === undefined ? [] : [target],
  );
  for (const folder of new Set(targets.map((target) => dirname(target)))) {
    // A failed sweep is not a failure of the copy.
    await sweepKilled(folder).catch(() => undefined);
  }
}

function isOfOneFile(error: unknown): boolean {
  return error instanceof FileError && !(error instanceof FileSpaceError || error instanceof FilesReadOnlyError);
}

/**
 * One copy for each source; globs at the host are expanded. Several sources go into the target, which is a folder then.
 */
async function jobsOf(remote: Remote, froms: readonly Address[], to: Address): Promise<Job[]> {
  const all: Address[] = [];
  for (const from of froms) {
    if (from.kind !== 'remote' || !isGlob(from.path)) {
      all.push(from);
      continue;
    }
    for (const path of await expandRemote(remote, from.path)) all.push({ ...from, path });
  }
  if (all.length > 1 && to.kind === 'pipe') {
    throw new Failure('only one file can go to standard output.', exitCodes.usage);
  }
  const into = all.length > 1 && to.kind !== 'pipe' ? { ...to, path: withSlash(to) } : to;
  return all.map((from) => ({ from, to: into, decided: {}, done: false }));
}

function withSlash({ kind, path }: Exclude<Address, { kind: 'pipe' }>): string {
  if (path === '') return kind === 'local' ? './' : '';
  return path.endsWith('/') ? path : `${path}/`;
}

/** The one host of a copy. @throws Failure (usage) */
function hostOf(froms: readonly Address[], to: Address): string {
  const hosts = new Set([...froms, to].flatMap((address) => (address.kind === 'remote' ? [address.host] : [])));
  const sides = new Set(froms.map(({ kind }) => kind === 'remote'));
  const [host] = hosts;
  if (hosts.size !== 1 || sides.size !== 1 || sides.has(to.kind === 'remote')) {
    throw new Failure(
      'one side must be of one host, as host:port:path or context:path, and the other one must be here. Write a local name with a colon as ./a:b.',
      exitCodes.usage,
    );
  }
  return host!;
}

function checkFolders({ recursive, delete: removes, parallel }: CpOptions): void {
  if (!recursive && removes) throw new Failure('--delete needs -r.', exitCodes.usage);
  if (!recursive && parallel > 1) throw new Failure('--parallel needs -r.', exitCodes.usage);
}

function checkPipes(froms: readonly Address[], to: Address, { recursive, resume, json }: CpOptions): void {
  const pipes = froms.filter(({ kind }) => kind === 'pipe').length;
  if (pipes === 0 && to.kind !== 'pipe') return;
  if (froms.length > 1) throw new Failure('- must be the only source.', exitCodes.usage);
  if (recursive) throw new Failure('- is one file: it cannot be combined with -r.', exitCodes.usage);
  if (resume) throw new Failure('- cannot be continued: it cannot be combined with --resume.', exitCodes.usage);
  if (json && to.kind === 'pipe') {
    throw new Failure('--json and - cannot be combined: both write to standard output.', exitCodes.usage);
  }
}

function copyOptions(options: CpOptions, again: boolean): CopyOptions {
  const { resume, exclude, retry } = options;
  // What an interruption leaves is kept for the next attempt.
  const continues = resume || again || retry > 0;
  return { ...options, resume: continues, excludes: pathMatcher(exclude) };
}

function reportOf(froms: readonly Address[], to: Address, options: CpOptions): Report {
  const [first] = froms;
  const only = froms.length === 1 && first !== undefined && first.kind !== 'pipe' ? lastName(first.path) : '';
  // The folder that a host serves has no name.
  const name = only === '' ? 'all' : only;
  // Where standard output is the terminal, too, the bar would mix with the bytes.
  const mixes = to.kind === 'pipe' && process.stdout.isTTY;
  const shown =
    options.progress && !options.quiet && !options.json && !options.dryRun && process.stderr.isTTY && !mixes;
  const out = (line: string): void => {
    process.stdout.write(`${line}\n`);
  };
  return new Report({
    bar: new ProgressBar(printable(name), shown),
    write: (line) => {
      process.stderr.write(`${line}\n`);
    },
    result: out,
    json: options.json ? out : undefined,
    quiet: options.quiet,
    verbose: options.verbose,
    resumable: options.resume,
    now: () => systemRuntime.now(),
  });
}

function isLoss(error: unknown): boolean {
  return error instanceof DisconnectedError || (error instanceof Failure && error.exitCode === exitCodes.disconnected);
}

function interrupted({ exitCode }: Interruption, { resume }: CpOptions, to: Address): Failure {
  if (to.kind === 'pipe') return new Failure('interrupted.', exitCode);
  const rest = resume ? ' Run the same command again to continue.' : '';
  return new Failure(`interrupted. No incomplete file has its final name.${rest}`, exitCode);
}
