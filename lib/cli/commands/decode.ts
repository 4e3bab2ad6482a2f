import { open } from 'node:fs/promises';
import { errorText, ProtocolError } from '../../errors.js';
import { maxRecordingBytes } from '../../limits.js';
import { missingRecords, readRecording, RecordingError, type Recording } from '../../recording/index.js';
import { recordOfFrame } from '../../recording/record-of-frame.js';
import { decodeFrames } from '../../wire/decode.js';
import type { AddCommands } from '../commands.js';
import { exitCodes, Failure } from '../exit/failure.js';
import { note, print, terminalColumns } from '../output/output.js';
import { recordText, transcriptLines } from '../recording/recording-text.js';
import { marbleLines } from '../recording/recording-marbles.js';
import { bytesOf } from '../request/request-data.js';
import { readAll } from '../paths/read-all.js';

interface DecodeOptions {
  readonly marbles?: boolean;
  readonly route?: string;
  readonly hex?: boolean;
  readonly quiet?: boolean;
}

const help = `
Marbles: of each call a line with what its caller sends and one with what the handler sends; ^ the call begins, ! it is
cancelled, letters are items, * more of them than fit, | the end, # an error. What the letters are is said below them where the
recording has payloads.

Examples:
  rxgrid record incident.jsonl --for 10
  rxgrid decode incident.jsonl --marbles
  rxgrid decode --hex 97010000090e02c40181

Exit codes: 0 done, 2 wrong usage, or a file that is not a recording, 5 the recording is cut off or lacks
records, and what is there is printed.`;

/** Adds `rxgrid decode`. */
export const addDecode: AddCommands = (program, run) => {
  program
    .command('decode')
    .description('Prints a recording, or a message in hex, as readable text.')
    .argument(
      '<recording>',
      'a file that rxgrid record made, or - for standard input; with --hex, the bytes of a message',
    )
    .option('-m, --marbles', 'the calls as marbles')
    .option('-r, --route <name>', 'only the calls of this route')
    .option('--hex', 'the argument is one WebSocket message in hex')
    .option('-q, --quiet', 'no notes on standard error, errors only')
    .addHelpText('after', help)
    .action((source: string, options: DecodeOptions) => run((signal) => decode(source, options, signal)));
};

async function decode(source: string, options: DecodeOptions, signal: AbortSignal): Promise<number> {
  if (options.hex === true) return decodeHex(source);
  const recording = read(await load(source, signal));
  const { route } = options;
  const shows = (each: { readonly name: string } | undefined): boolean => route === undefined || each?.name === route;
  if (options.marbles === true) {
    for (const line of marbleLines(recording, terminalColumns() ?? 100, shows)) await print(line);
  } else {
    const { host, at, payloads, library } = recording.header;
    const head = `recording of ${host} (rxgrid ${library}) from ${dateText(at)} on${payloads ? '' : ', without payloads'}`;
    await print(head);
    for (const line of transcriptLines(recording, shows)) {
      signal.throwIfAborted();
      await print(line);
    }
  }
  const missing = missingRecords(recording);
  if (!recording.truncated && missing === 0) return exitCodes.done;
  if (options.quiet !== true && recording.truncated) {
    note('the recording is cut off: its end is missing, and what is there is printed.');
  }
  if (options.quiet !== true && missing > 0) {
    note(
      `the recording lacks ${String(missing)} records, because its reader was too slow: calls of that time may be incomplete.`,
    );
  }
  return exitCodes.partly;
}

/** The bytes of the file. @throws Failure (usage) where it cannot be read, or is larger than a recording may be. */
async function load(source: string, signal: AbortSignal): Promise<Uint8Array> {
  const tooLarge = (): Failure =>
    new Failure(
      `${JSON.stringify(source)} has more than ${String(maxRecordingBytes >> 20)} MiB. Record less at a time: --max-bytes.`,
      exitCodes.usage,
    );
  if (source !== '-') {
    let size: number;
    try {
      const file = await open(source);
      size = (await file.stat()).size;
      await file.close();
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      throw new Failure(`${JSON.stringify(source)} cannot be read (${code ?? errorText(error)}).`, exitCodes.usage);
    }
    if (size > maxRecordingBytes) throw tooLarge();
  }
  return readAll(bytesOf(`@${source}`, signal), maxRecordingBytes, tooLarge);
}

function read(bytes: Uint8Array): Recording {
  try {
    return readRecording(bytes, { allowTruncated: true });
  } catch (error) {
    if (error instanceof RecordingError) throw new Failure(error.message, exitCodes.usage);
    throw error;
  }
}

async function decodeHex(text: string): Promise<number> {
  const digits = text.replace(/\s|^0x/g, '');
  if (digits === '' || digits.length % 2 !== 0 || !/^[0-9a-f]+$/i.test(digits)) {
    throw new Failure('--hex takes bytes as pairs of hex digits, such as 97010000090e02c40181.', exitCodes.usage);
  }
  try {
    for (const frame of decodeFrames(new Uint8Array(Buffer.from(digits, 'hex')), undefined)) {
      await print(recordText(recordOfFrame(frame, { t: 0, link: 0, by: 'local' }), undefined));
    }
  } catch (error) {
    if (error instanceof ProtocolError)
      throw new Failure(`these bytes are not a message: ${error.message}`, exitCodes.usage);
    throw error;
  }
  return exitCodes.done;
}

function dateText(at: number): string {
  const date = new Date(at);
  return Number.isNaN(date.getTime()) ? String(at) : date.toISOString();
}
