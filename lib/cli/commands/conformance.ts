import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseHost } from '../../endpoint/host-name.js';
import { leafUrl } from '../../endpoint/leaves/leaf.js';
import { ConfigurationError, errorText } from '../../errors.js';
import { tlsContext } from '../../node/server/dial.js';
import { systemRuntime } from '../../runtime.js';
import { createDial } from '../../transport/ws-dial.js';
import type { AddCommands } from '../commands.js';
import { caOf, describeConnection, type ConnectionOptions } from '../connect/connection-options.js';
import { selectHostAt, urlOf } from '../connect/select-host.js';
import { exitCodes, Failure } from '../exit/failure.js';
import { print } from '../output/output.js';
import {
  conformanceSteps,
  playConformance,
  type ConformanceRecording,
  type ConformanceTarget,
} from '../recording/conformance.js';

interface ConformanceOptions extends ConnectionOptions {
  readonly recordings: string;
  readonly as: string;
}

const help = `
For whoever writes a host in another language. The host has to have the played host in its list, to accept the token, and
to have the handlers that README.md in the folder of the recordings describes. Of two hosts the names decide who dials: where the host
says that the direction is wrong, take another name. What the host answers is compared mux by
mux: frames, their order, flags and payloads, but for the texts of errors and the times of credit.

Example:
  rxgrid conformance ws://127.0.0.1:9001 --recordings spec/vectors --as http://127.0.0.1:9000 --token-file token

Exit codes: 0 the same, 1 something differs, 2 wrong usage, 3 no connection, 4 refused (the token, or the name).`;

// Recordings of hand-made faults, and those that depend on process ids or on the order of keys, do not hold for every
// host.
const skipped = /^(fault|handshake|quirk)-|^(keepalive|typed)$/;

/** Adds `rxgrid conformance`. */
export const addConformance: AddCommands = (program, run) => {
  const command = program
    .command('conformance')
    .description('Plays recordings of the wire protocol against a host, and compares what it answers.')
    .argument('<url>', 'of the host, such as ws://127.0.0.1:9001; without a path, /minio/grid/v1')
    .requiredOption('--recordings <folder>', 'the folder spec/vectors of the repository')
    .requiredOption('--as <url>', 'name of the played host: one of the hosts that the host knows');
  describeConnection(command, 'time to connect, and for an answer', '5s')
    .addHelpText('after', help)
    .action((url: string, options: ConformanceOptions) => run((signal) => conformance(url, options, signal)));
};

async function conformance(url: string, options: ConformanceOptions, signal: AbortSignal): Promise<number> {
  const target = await targetOf(url, options, signal);
  const recordings = await recordingsOf(options.recordings);
  let failed = 0;
  for (const [index, recording] of recordings.entries()) {
    const found = await playConformance(recording, target).catch((error: unknown) => {
      // A recording during which the connection is lost has failed.
      if (index === 0 || !(error instanceof Failure)) throw error;
      return [error.message];
    });
    signal.throwIfAborted();
    if (found.length > 0) failed++;
    await print(`${found.length === 0 ? 'ok  ' : 'FAIL'} ${recording.name}: ${recording.about}`);
    for (const difference of found) await print(`     ${difference}`);
  }
  await print(`${String(recordings.length - failed)} of ${String(recordings.length)} recordings`);
  return failed === 0 ? exitCodes.done : exitCodes.failed;
}

/** Errors: Failure (usage); the reason of the signal. */
async function targetOf(address: string, options: ConformanceOptions, signal: AbortSignal): Promise<ConformanceTarget> {
  const place = selectHostAt(urlOf(address), options, process.env);
  const ca = await caOf(place, signal);
  try {
    return {
      url: leafUrl(place.url),
      dialer: parseHost(options.as),
      token: await place.token(signal),
      patience: options.timeout,
      ...{ runtime: systemRuntime, signal, dial: createDial(ca === undefined ? {} : tlsContext({ ca })) },
    };
  } catch (error) {
    if (error instanceof ConfigurationError) throw new Failure(error.message, exitCodes.usage);
    throw error;
  }
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
      throw new Failure(
        `${JSON.stringify(join(folder, name))} is not a recording: ${errorText(error)}`,
        exitCodes.usage,
      );
    }
  }
  if (recordings.length === 0) {
    throw new Failure(`there are no recordings in ${JSON.stringify(folder)}`, exitCodes.usage);
  }
  return recordings;
}
