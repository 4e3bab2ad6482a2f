import { Observable, takeUntil } from 'rxjs';
import { DisconnectedError } from '../../errors.js';
import { monitor } from '../../monitor/index.js';
import { takeUntilAborted } from '../../operators/take-until-aborted.js';
import { toAsyncIterable } from '../../operators/to-async-iterable.js';
import { systemRuntime } from '../../runtime.js';
import type { AddCommands } from '../commands.js';
import { exitCodes } from '../exit/failure.js';
import { Interruption } from '../exit/interruption.js';
import { note, wholeNumber } from '../output/output.js';
import { failWithoutReader } from '../output/reader-watch.js';
import { RecordingFile } from '../recording/recording-file.js';
import { describeTarget, explained, withTarget, type Target, type TargetOptions } from '../connect/target.js';
import { durationOption } from '../connect/duration.js';

interface RecordOptions extends TargetOptions {
  readonly for?: number;
  readonly maxBytes: number;
  readonly maxFrames: number;
  readonly payloads?: boolean;
  readonly peer?: string;
  readonly force?: boolean;
}

const help = `
The host has to allow it: serveMonitor(manager, { authorize, frames: 'headers' }), or 'payloads'. A recording ends with Ctrl-C,
after --for, or at a bound; it has the calls that begin while it runs and the streams that are open. Left out are handshakes,
tokens, the calls of the monitor, and the bytes of files that the host sends from its disk.

Of a host that sends faster than its records are taken, records are missing; the recording says where and how many, and the exit
code is 5.

rxgrid decode prints it, and replay() of rxgrid/testing makes a test of it, for which it needs --payloads.

Examples:
  rxgrid record incident.jsonl --for 30s
  rxgrid record - --payloads --peer http://10.0.0.2:9000 | gzip > incident.jsonl.gz`;

/** Adds `rxgrid record`. */
export const addRecord: AddCommands = (program, run) => {
  const command = program
    .command('record')
    .description('Records the frames of a host, with their times, to a file.')
    .argument('<file>', 'the file to write, or - for standard output')
    .addOption(durationOption('--for <duration>', 'end after this time'))
    .option('--max-bytes <n>', 'end when the file is so large', wholeNumber(1_000, 256 << 20), 64 << 20)
    .option('--max-frames <n>', 'end after so many frames', wholeNumber(1, 1_000_000), 100_000)
    .option('--payloads', 'with payloads, metadata and details of errors; they are private to the users of the mesh')
    .option('--peer <name>', 'only the connections with this host, or of leaves with this identity')
    .option('-f, --force', 'overwrite an existing file');
  describeTarget(command)
    .addHelpText('after', help)
    .action((file: string, options: RecordOptions) =>
      run((signal) => withTarget(options, signal, (target) => record(target, file, options))),
    );
};

async function record(target: Target, path: string, options: RecordOptions): Promise<number> {
  const { connection, signal, name } = target;
  const { payloads = false, peer, quiet = false } = options;
  const lines$ = monitor(connection).frames({ payloads, ...(peer === undefined ? {} : { peer }) });
  const out = new RecordingFile(path, options);
  let ended = '';
  let failure: unknown;
  if (path === '-') failWithoutReader();
  try {
    const limited$ = lines$.pipe(takeUntilAborted(signal), takeUntil(timeUp(options.for)));
    for await (const lines of toAsyncIterable(limited$)) {
      ended = await out.add(lines);
      if (ended !== '') break;
    }
    if (ended === '') ended = options.for === undefined ? 'the host was closed' : 'its time was up';
  } catch (error) {
    if (!(error instanceof Interruption || error instanceof DisconnectedError) || !out.began) throw error;
    ended = error instanceof Interruption ? 'it was interrupted' : 'the connection to the host was lost';
    // Ctrl-C is how a recording without --for ends.
    if (error instanceof DisconnectedError || error.exitCode !== exitCodes.interrupted) failure = error;
  } finally {
    await out.close(ended);
  }
  if (!quiet) note(`${out.summary}${path === '-' ? '' : ` are in ${JSON.stringify(path)}`}; ${ended}.`);
  if (failure !== undefined) throw explained(failure, name);
  if (out.missing === 0) return exitCodes.done;
  if (!quiet) {
    note(
      `${String(out.missing)} records are missing: the host sends faster than they are taken. Record fewer connections (--peer), or no payloads.`,
    );
  }
  return exitCodes.partly;
}

function timeUp(ms: number | undefined): Observable<void> {
  return new Observable((subscriber) =>
    ms === undefined ? undefined : systemRuntime.schedule(() => subscriber.next(), ms),
  );
}
