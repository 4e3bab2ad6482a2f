import type { AddCommands } from '../commands.js';
import { exitCodes, Failure } from '../exit/failure.js';
import { fromJson } from '../output/json-value.js';
import { describeOutput, wholeNumber, type OutputFormat } from '../output/output.js';
import { failWithoutReader } from '../output/reader-watch.js';
import { duplexOf, findRoute, type RemoteRoute, type RouteOptions } from '../request/remote-route.js';
import { bytesOf, linesOf, readsInput } from '../request/request-data.js';
import { describeRouteOptions } from '../request/route-options.js';
import { describeTarget, withTarget, type Target, type TargetOptions } from '../connect/target.js';
import { ValuePrinter } from '../output/value-printer.js';
import { requestOf } from './call.js';
import { toAsyncIterable } from '../../operators/to-async-iterable.js';

interface StreamOptions extends TargetOptions, RouteOptions {
  readonly data?: string;
  readonly input?: string;
  readonly max?: number;
  readonly output: OutputFormat;
}

const examples = `
Examples:
  rxgrid stream watch -d '{"since": 0}' -n 10
  tail -f orders.jsonl | rxgrid stream ingest --input @-
  rxgrid stream upload --raw -d photo.jpg --input @photo.jpg

Each item is a line of JSON, a document of YAML, or a row. A slow reader of standard output slows the host down: an item is taken
when the one before it has been written. Ctrl-C cancels the stream at the host; a second one ends the command at once.`;

/** Adds `rxgrid stream`. */
export const addStream: AddCommands = (program, run) => {
  const command = program
    .command('stream')
    .description('Opens a stream of a host, prints its items, and sends it an input.')
    .argument('<route>', 'name of the route, as rxgrid describe prints it')
    .option('-d, --data <json>', 'the request: JSON, @file, or @- for standard input')
    .option('-i, --input <lines>', 'the input: lines of JSON, or bytes with --raw; @file, or @- for standard input')
    .option('-n, --max <n>', 'end after so many items', wholeNumber(1, Number.MAX_SAFE_INTEGER));
  describeTarget(describeRouteOptions(describeOutput(command, 'json')))
    .addHelpText('after', examples)
    .action((name: string, options: StreamOptions) => run((signal) => stream(name, options, signal)));
};

function stream(name: string, options: StreamOptions, signal: AbortSignal): Promise<number> {
  const { data, input, max = Infinity, output, raw = false } = options;
  if (readsInput(data) && readsInput(input)) {
    throw new Failure(
      'standard input is either the request or the input: give the other one from a file.',
      exitCodes.usage,
    );
  }
  return withTarget(options, signal, async (target) => {
    const remote = await findRoute(target, name, 'duplex', options);
    const { route, described } = remote;
    if (input !== undefined && described && route.input === undefined) {
      throw new Failure(`${name} takes no input: leave --input out.`, exitCodes.usage);
    }
    const value = await requestOf(remote, options, signal);
    const printer = new ValuePrinter(raw ? 'raw' : output, true);
    let count = 0;
    failWithoutReader();
    // The end of the stream is the end of the input: a read of a terminal, or of a pipe that stays open, would go on.
    const over = new AbortController();
    const items$ = itemsOf(target, remote, value, options, AbortSignal.any([signal, over.signal]));
    try {
      for await (const item of toAsyncIterable(items$)) {
        await printer.print(item);
        if (++count >= max) break;
      }
    } finally {
      over.abort();
    }
    signal.throwIfAborted();
    return exitCodes.done;
  });
}

function itemsOf(
  { connection, signal }: Target,
  remote: RemoteRoute,
  value: unknown,
  { input, raw = false }: StreamOptions,
  inputSignal: AbortSignal,
) {
  const { input: shape, ...others } = duplexOf(remote, raw);
  if (input === undefined && remote.route.input === undefined) {
    return connection.stream({ ...others, input: undefined, inWindow: undefined }, value, { signal });
  }
  const items = (): AsyncIterable<unknown> => inputOf(remote, input, raw, inputSignal);
  return connection.exchange({ ...others, input: shape }, value, items, { signal });
}

async function* inputOf(
  { route, checkInput }: RemoteRoute,
  input: string | undefined,
  raw: boolean,
  signal: AbortSignal,
): AsyncGenerator {
  if (input === undefined) return;
  if (raw || route.input?.codec === 'raw') {
    if (input.startsWith('@')) yield* bytesOf(input, signal);
    else yield new TextEncoder().encode(input);
    return;
  }
  for await (const json of linesOf(input, signal)) {
    checkInput(json);
    yield fromJson(json);
  }
}
