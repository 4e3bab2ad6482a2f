import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { errorText } from '../../errors.js';
import { systemRuntime } from '../../runtime.js';
import type { AddCommands } from '../commands.js';
import { conformanceSteps, playConformance, type ConformanceRecording } from '../recording/conformance.js';
import { exitCodes, Failure } from '../exit/failure.js';
import { print, wholeNumber } from '../output/output.js';

interface ConformanceOptions {
  readonly recordings: string;
  readonly as: string;
  readonly token: string;
  readonly timeout: number;
}

const help = `
For whoever writes a host in another language. The host has to have the played host in its list, to accept the token, and
to have the handlers that README.md in the folder of the recordings describes. Of two hosts the names decide who dials: where the host
says that the direction is wrong, take another name. What the host answers is compared mux by
mux: frames, their order, flags and payloads, but for the texts of errors and the times of credit.

Exit codes: 0 the same, 1 something differs, 2 wrong usage.`;

// Hand-made faults, and what depends on the ids of a process or on the order of keys, are not for every host.
const skipped = /^(fault|handshake|quirk)-|^(keepalive|typed)$/;

/** Adds `rxgrid conformance`. */
export const addConformance: AddCommands = (program, run) => {
  program
    .command('conformance')
    .description('Plays recordings of the wire protocol against a host, and compares what it answers.')
    .argument('<url>', 'of the WebSocket, such as ws://127.0.0.1:9001/minio/grid/v1')
    .requiredOption('--recordings <folder>', 'the folder spec/vectors of the repository')
    .requiredOption('--as <url>', 'name of the played host: one of the hosts that the host knows')
    .option('--token <text>', 'what the played host shows', 'debug')
    .option('--timeout <ms>', 'time to wait for an answer, in ms', wholeNumber(1, 600_000), 5_000)
    .addHelpText('after', help)
    .action((url: string, options: ConformanceOptions) => run((signal) => conformance(url, options, signal)));
};

async function conformance(url: string, options: ConformanceOptions, signal: AbortSignal): Promise<number> {
  const recordings = await recordingsOf(options.recordings);
  let failed = 0;
  for (const recording of recordings) {
    signal.throwIfAborted();
    const { as: dialer, token, timeout: patience } = options;
    const found = await playConformance(recording, { url, dialer, token, patience, runtime: systemRuntime }).catch(
      (error: unknown) => [String(error)],
    );
    if (found.length > 0) failed++;
    await print(`${found.length === 0 ? 'ok  ' : 'FAIL'} ${recording.name}: ${recording.about}`);
    for (const difference of found) await print(`     ${difference}`);
  }
  await print(`${String(recordings.length - failed)} of ${String(recordings.length)} recordings`);
  return failed === 0 ? exitCodes.done : exitCodes.failed;
}

async function recordingsOf(folder: string): Promise<ConformanceRecording[]> {
  const names = await readdir(folder).catch((error: unknown) => {
    throw new Failure(`there are no recordings in ${JSON.stringify(folder)}: ${String(error)}`, exitCodes.usage);
  });
  const files = names.filter((name) => name.endsWith('.json') && !skipped.test(name.replace('.json', ''))).sort();
  const recordings: ConformanceRecording[] = [];
  for (const name of files) {
    try {
      const recording = JSON.parse(await readFile(join(folder, name), 'utf8')) as Partial<ConformanceRecording>;
      const { messages } = recording;
      if (messages !== undefined && conformanceSteps(recording as ConformanceRecording).length > 0) {
        recordings.push(recording as ConformanceRecording);
      }
    } catch (error) {
      throw new Failure(`${JSON.stringify(join(folder, name))} is no recording: ${errorText(error)}`, exitCodes.usage);
    }
  }
  if (recordings.length === 0) {
    throw new Failure(`there are no recordings in ${JSON.stringify(folder)}`, exitCodes.usage);
  }
  return recordings;
}
