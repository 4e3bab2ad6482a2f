import { spawn } from 'node:child_process';
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { pathToFileURL } from 'node:url';
import { raw } from '../../codec/codec.js';
import { unary } from '../../contract/contract.js';
import type { Bound } from '../../contract/handler.js';
import { ConfigurationError } from '../../errors.js';
import { sharedSecret } from '../../endpoint/accept/auth.js';
import { RejectedError } from '../../rejection.js';
import { serveMonitor } from '../../monitor/index.js';
import { serveFiles, type ServeFilesOptions } from '../../node/files/serve/serve-files.js';
import { Manager } from '../../node/server/manager.js';
import type { AddCommands } from '../commands.js';
import { exitCodes, Failure } from '../exit/failure.js';
import { eventText } from '../output/event-text.js';
import { exitCodeOf, untilAborted } from '../exit/interruption.js';
import { note, print } from '../output/output.js';
import { describeTokens } from '../connect/connection-options.js';
import { durationOption } from '../connect/duration.js';
import { tokenFrom, type TokenOptions } from '../connect/token.js';

interface ServeOptions extends TokenOptions {
  readonly root?: string;
  readonly writable?: boolean;
  readonly removable?: boolean;
  readonly listen: string;
  readonly name?: string;
  /** In ms. */
  readonly drain: number;
  readonly echo?: boolean;
  readonly recordPayloads?: boolean;
  readonly quiet?: boolean;
}

/** Time limit for locating a syntax error, in ms. */
const checkMs = 5_000;

const help = `
A module exports, as its default, a function that takes the Manager, or a list of handlers made by bind(route, handler):

  import { unary, type } from 'rxgrid';
  const hello = unary({ name: 'hello', request: type(), response: type() });
  export default (grid) => grid.handle(hello, ({ name }) => \`Hello, \${name}.\`);

Those who show the token may call all routes, and see the monitor. The URL of the host is printed on standard output once it
listens. The first SIGINT, SIGTERM or SIGHUP lets running calls end, for the time of --drain, and refuses new ones; the second one
ends at once. Exit codes: 2 wrong usage, 3 the address cannot be listened on, 129, 130 and 143 ended by
SIGHUP, SIGINT and SIGTERM.`;

/** Adds `rxgrid serve`. */
export const addServe: AddCommands = (program, run) => {
  const command = program
    .command('serve')
    .description('Runs a host: with the handlers of a module, the files of a folder, or both, and its monitor.')
    .argument('[module]', 'a file of JavaScript; of TypeScript where Node takes it')
    .option('--root <folder>', 'serve the files of a folder')
    .option('--writable', 'files may be written')
    .option('--removable', 'with --writable: files may be removed, too')
    .option('-l, --listen <address>', 'host:port to listen on; port 0 is any free one', '127.0.0.1:9000')
    .option('--name <url>', 'name of the host, where others reach it by another address')
    .option('--echo', 'serve the route echo, for rxgrid bench: the bytes of a request come back')
    .addOption(durationOption('--drain <duration>', 'time that running calls have to end after a signal', '10s'))
    .option('--record-payloads', 'rxgrid record may have the payloads of all calls; without it, their sizes')
    .option('-q, --quiet', 'no events on standard error');
  describeTokens(command)
    .addHelpText('after', help)
    .action((file: string | undefined, options: ServeOptions) => run((signal) => serve(file, options, signal)));
};

async function serve(file: string | undefined, options: ServeOptions, signal: AbortSignal): Promise<number> {
  const { root, writable = false, removable = false, echo = false, recordPayloads = false, quiet = false } = options;
  if (file === undefined && root === undefined && !echo) {
    throw new Failure('there is nothing to serve. Give a module, a folder with --root, or --echo.', exitCodes.usage);
  }
  if (root === undefined && (writable || removable)) {
    throw new Failure('--writable and --removable go with --root.', exitCodes.usage);
  }
  if (removable && !writable) throw new Failure('--removable needs --writable, too.', exitCodes.usage);
  const token = await tokenFrom(options, process.env, undefined, signal);
  const { address, port } = await addressOf(options.listen);
  const local = options.name ?? `http://${address.includes(':') ? `[${address}]` : address}:${String(port)}`;
  const manager = managerOf(local, token);
  try {
    if (!quiet) manager.events$.subscribe((event) => note(eventText(event)));
    serveMonitor(manager, { authorize: () => true, frames: recordPayloads ? 'payloads' : 'headers' });
    if (root !== undefined) serveRoot(manager, { root, writable, removable });
    if (echo) manager.handle(unary({ name: 'echo', request: raw, response: raw }), (bytes) => bytes);
    if (file !== undefined) await addHandlers(manager, file);
    try {
      await manager.listen({ address, port });
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      const advice =
        code === 'EADDRINUSE'
          ? 'Another process listens there: end it, or give another port with --listen; port 0 is any free one.'
          : 'Give an address of this machine with --listen.';
      throw new Failure(
        `cannot listen on ${options.listen} (${code ?? String(error)}). ${advice}`,
        exitCodes.disconnected,
      );
    }
    await print(local.replace(/^http/, 'ws'));
    await untilAborted(signal);
    if (!quiet) note('draining: no new calls are taken. A second signal ends at once.');
    const { interrupted } = await manager.drain({ timeout: options.drain });
    if (interrupted > 0 && !quiet) note(`calls that still ran and were cut off: ${String(interrupted)}.`);
  } finally {
    await manager.close();
  }
  return exitCodeOf(signal);
}

function managerOf(local: string, token: string): Manager {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  const wanted = digest(token);
  try {
    return new Manager({
      local,
      hosts: [],
      // No other host joins, so the secret may be random.
      auth: sharedSecret(randomBytes(32)),
      leaves: {
        authenticate: (shown) => {
          if (timingSafeEqual(digest(shown), wanted)) return 'leaf';
          throw new RejectedError('the token is not accepted', 'the token is not accepted');
        },
      },
    });
  } catch (error) {
    throw new Failure((error as Error).message, exitCodes.usage);
  }
}

function serveRoot(manager: Manager, options: ServeFilesOptions): void {
  try {
    serveFiles(manager, options);
  } catch (error) {
    if (error instanceof ConfigurationError) throw new Failure(`--root: ${error.message}`, exitCodes.usage);
    throw error;
  }
}

/**
 * The place of a syntax error in a file; empty where the error is in another file. The error of `import()` does not
 * have it: only Node's own report does.
 */
async function syntaxErrorPlace(file: string): Promise<string> {
  const check = spawn(process.execPath, ['--check', file], { stdio: ['ignore', 'ignore', 'pipe'], timeout: checkMs });
  const report = await text(check.stderr).catch(() => '');
  const [, line] = /:(\d+)\r?$/m.exec(report.split('\n', 1)[0] ?? '') ?? [];
  return line === undefined ? '' : ` (line ${line})`;
}

async function addHandlers(manager: Manager, file: string): Promise<void> {
  let exported: unknown;
  try {
    const module = (await import(pathToFileURL(resolve(file)).href)) as { readonly default?: unknown };
    exported = module.default;
  } catch (error) {
    const place = error instanceof SyntaxError ? await syntaxErrorPlace(resolve(file)) : '';
    throw new Failure(`the module ${JSON.stringify(file)} cannot be loaded: ${String(error)}${place}`, exitCodes.usage);
  }
  if (typeof exported === 'function') {
    await (exported as (manager: Manager) => unknown)(manager);
    return;
  }
  if (!Array.isArray(exported)) {
    throw new Failure(
      `the module ${JSON.stringify(file)} has to export, as its default, a function of the Manager or a list of bind(route, handler).`,
      exitCodes.usage,
    );
  }
  // The overloads of `handle` check types only.
  const handle = manager.handle.bind(manager) as unknown as (route: Bound['route'], handler: Bound['handler']) => void;
  for (const { route, handler } of exported as Bound[]) handle(route, handler);
}

/** The address and the port of `host:port`; a port of 0 is one that is free now. */
async function addressOf(text: string): Promise<{ readonly address: string; readonly port: number }> {
  const [, bracketed, plain, digits] = /^(?:\[([^\]]+)\]|([^:]*)):(\d{1,5})$/.exec(text) ?? [];
  const address = bracketed ?? plain ?? '';
  const port = Number(digits);
  if (address === '' || !(port <= 0xffff)) {
    throw new Failure(`--listen: ${JSON.stringify(text)} is not host:port, such as 127.0.0.1:9000.`, exitCodes.usage);
  }
  if (port !== 0) return { address, port };
  const probe = createServer().listen(0, address);
  await once(probe, 'listening');
  const { port: free } = probe.address() as AddressInfo;
  await new Promise((done) => probe.close(done));
  return { address, port: free };
}
