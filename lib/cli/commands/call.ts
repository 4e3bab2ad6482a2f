import { lastValueFrom } from 'rxjs';
import type { AddCommands } from '../commands.js';
import { exitCodes, Failure } from '../exit/failure.js';
import { describeOutput, note, type OutputFormat } from '../output/output.js';
import { findRoute, unaryOf, type RemoteRoute, type RouteOptions } from '../request/remote-route.js';
import { fromJson } from '../output/json-value.js';
import { parseJson, readData } from '../request/request-data.js';
import { describeRouteOptions } from '../request/route-options.js';
import { describeTarget, withTarget, type TargetOptions } from '../connect/target.js';
import { ValuePrinter } from '../output/value-printer.js';

interface CallOptions extends TargetOptions, RouteOptions {
  readonly data?: string;
  readonly output: OutputFormat;
}

const examples = `
Examples:
  rxgrid call diskInfo -d '{"disk": 1}' --host ws://10.0.0.1:9000
  rxgrid call diskInfo -d @request.json -o table
  echo '{"disk": 1}' | rxgrid call diskInfo -d @-

JSON has no word for some values: {"$bytes": "<base64>"}, {"$date": "2026-01-31T00:00:00Z"}, {"$bigint": "9007199254740993"}, and
{"$float": 5} for a whole number that a peer of static types takes as a float64.`;

/** Adds `rxgrid call`. */
export const addCall: AddCommands = (program, run) => {
  const command = program
    .command('call')
    .description('Calls a route of a host with one request, and prints its response.')
    .argument('<route>', 'name of the route, as rxgrid describe prints it')
    .option('-d, --data <json>', 'the request: JSON, @file, or @- for standard input');
  describeTarget(describeRouteOptions(describeOutput(command, 'json')))
    .addHelpText('after', examples)
    .action((name: string, options: CallOptions) => run((signal) => call(name, options, signal)));
};

function call(name: string, options: CallOptions, signal: AbortSignal): Promise<number> {
  return withTarget(options, signal, async (target) => {
    const isRaw = options.raw === true;
    const remote = await findRoute(target, name, 'unary', options);
    const value = await requestOf(remote, options, signal);
    const { connection, timeout } = target;
    const response$ = connection.request(unaryOf(remote, isRaw), value, { signal, timeout });
    const response = await lastValueFrom(response$, { defaultValue: undefined });
    await new ValuePrinter(isRaw ? 'raw' : options.output, false).print(response);
    return exitCodes.done;
  });
}

/** The request of a call, checked against the schema of its route. @throws Failure (usage) */
export async function requestOf(
  { route, described, checkRequest }: RemoteRoute,
  { data, raw = false, quiet = false }: Pick<CallOptions, 'data' | 'raw' | 'quiet'>,
  signal: AbortSignal,
): Promise<unknown> {
  if (data === undefined) {
    if (described && route.request !== undefined) {
      if (route.request.schema !== undefined && !raw) {
        throw new Failure(
          `${route.name} needs a request: give it with -d. See rxgrid describe ${route.name}.`,
          exitCodes.usage,
        );
      }
      if (!quiet) note(`${route.name} takes a request, and none is given (-d).`);
    }
    return undefined;
  }
  if (described && route.request === undefined) {
    throw new Failure(`${route.name} takes no request: leave -d out.`, exitCodes.usage);
  }
  const bytes = await readData(data, signal);
  if (raw || route.request?.codec === 'raw') return bytes;
  const json = parseJson(new TextDecoder().decode(bytes), 'the request');
  checkRequest(json);
  return fromJson(json);
}
