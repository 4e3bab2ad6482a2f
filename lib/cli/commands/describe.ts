import { asyncApi, type GridDescription, type PayloadDescription, type RouteDescription } from '../../monitor/index.js';
import { printable } from '../../printable.js';
import type { AddCommands } from '../commands.js';
import { exitCodes, Failure } from '../exit/failure.js';
import { toJson } from '../output/json-value.js';
import { describeOutput, jsonText, terminalColumns, write, yamlText, type OutputFormat } from '../output/output.js';
import { descriptionOf } from '../request/remote-route.js';
import { schemaText } from '../request/schema-text.js';
import { tableLines } from '../output/table.js';
import { describeTarget, withTarget, type TargetOptions } from '../connect/target.js';

interface DescribeOptions extends TargetOptions {
  readonly output: OutputFormat;
  readonly asyncapi?: boolean;
}

const examples = `
The JSON of -o json is the GridDescription of rxgrid/monitor: host, version, paths, and routes with name, kind, id, subroute,
idempotent, request, response, input, output (each with codec and schema), inWindow and outWindow.

Examples:
  rxgrid describe --host ws://10.0.0.1:9000
  rxgrid describe diskInfo -o yaml
  rxgrid describe --asyncapi > asyncapi.json`;

/** Adds `rxgrid describe`. */
export const addDescribe: AddCommands = (program, run) => {
  const command = program
    .command('describe')
    .description('Describes the routes of a host that serves its monitor (serveMonitor) to leaves.')
    .argument('[route]', 'one route, with its schemas')
    .option('--asyncapi', 'an AsyncAPI 3 document, in JSON, or YAML with -o yaml');
  describeTarget(describeOutput(command, 'table'))
    .addHelpText('after', examples)
    .action((route: string | undefined, options: DescribeOptions) => run((signal) => describe(route, options, signal)));
};

function describe(name: string | undefined, options: DescribeOptions, signal: AbortSignal): Promise<number> {
  return withTarget(options, signal, async (target) => {
    const found = await descriptionOf(target);
    if (found === undefined) {
      throw new Failure(
        `${target.name} does not describe itself to us. It has to call serveMonitor(manager, { authorize }), which allows leaves, and leaves.routes has to allow monitorRoutes.`,
        exitCodes.failed,
      );
    }
    const description =
      name === undefined ? found : { ...found, routes: found.routes.filter((each) => each.name === name) };
    if (name !== undefined && description.routes.length === 0) {
      throw new Failure(`${target.name} serves no route ${JSON.stringify(name)}. rxgrid describe lists them.`);
    }
    await show(description, name !== undefined, options);
    return exitCodes.done;
  });
}

async function show(
  description: GridDescription,
  one: boolean,
  { asyncapi = false, output }: DescribeOptions,
): Promise<void> {
  if (output === 'table' && !asyncapi) {
    const width = terminalColumns();
    const lines = one
      ? tableLines(
          [{ title: 'ROUTE' }, { title: description.routes[0]!.name }],
          detailsOf(description.routes[0]!),
          width,
        )
      : tableLines(columns, description.routes.map(rowOf), width);
    await write(`${lines.join('\n')}\n`);
    return;
  }
  const json = toJson(asyncapi ? asyncApi(description) : one ? description.routes[0] : description);
  await write(output === 'yaml' ? await yamlText(json) : `${jsonText(json, 2)}\n`);
}

const columns = [
  { title: 'ROUTE' },
  { title: 'KIND' },
  { title: 'ID', right: true },
  { title: 'REQUEST' },
  { title: 'INPUT' },
  { title: 'OUTPUT' },
];

function rowOf({ name, kind, id, request, response, input, output }: RouteDescription): string[] {
  return [
    name,
    kind === 'unary' ? 'call' : 'stream',
    id === undefined ? '-' : String(id),
    payloadText(request),
    payloadText(input),
    payloadText(response ?? output),
  ];
}

function detailsOf(route: RouteDescription): string[][] {
  const { kind, id, subroute, idempotent, request, response, input, output } = route;
  const rows: [string, string][] = [
    ['KIND', kind === 'unary' ? 'call' : 'stream'],
    ['ID', id === undefined ? '' : String(id)],
    ['SUBROUTE', subroute ?? ''],
    ['REPEATABLE', idempotent ? 'yes (idempotent)' : 'no'],
    ['REQUEST', payloadText(request)],
    ['INPUT', kind === 'duplex' ? payloadText(input) : ''],
    [kind === 'unary' ? 'RESPONSE' : 'OUTPUT', payloadText(response ?? output)],
  ];
  return rows.filter(([, text]) => text !== '');
}

function payloadText(payload: PayloadDescription | undefined): string {
  if (payload === undefined) return '-';
  return payload.schema === undefined ? printable(payload.codec) : schemaText(payload.schema);
}
