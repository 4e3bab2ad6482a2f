import { leafUrl } from '../../endpoint/leaves/leaf.js';
import { errorText } from '../../errors.js';
import { serveLocalDashboard, type LocalDashboard } from '../../node/dashboard/local-dashboard.js';
import { packagedPage } from '../../node/dashboard/page-files.js';
import { printableUrl } from '../../printable.js';
import type { AddCommands } from '../commands.js';
import {
  caOf,
  describeCa,
  describeContext,
  describeTokens,
  type ConnectionOptions,
} from '../connect/connection-options.js';
import { durationOption } from '../connect/duration.js';
import { Failure } from '../exit/failure.js';
import { connectTo } from '../connect/host.js';
import { exitCodeOf, untilAborted } from '../exit/interruption.js';
import { openBrowser } from '../output/open-browser.js';
import { note, print, wholeNumber } from '../output/output.js';
import { selectHost, selectHostAt, urlOf, type SelectedHost } from '../connect/select-host.js';
import { explained, targetCodes } from '../connect/target.js';

interface DashboardOptions extends ConnectionOptions {
  readonly via?: string;
  readonly port: number;
  readonly open?: boolean;
  readonly quiet?: boolean;
}

const help = `
The host needs no serveDashboard, and the page no token: the page is served on 127.0.0.1, by this command, which adds the token to
what the page sends. The address that is printed holds a secret: whoever opens it on this machine works with your token until the
command ends. A file or a command of a token is read again for each connection of the page. When the host is lost, the page says
so, and connects again. Ctrl-C ends the command and the connections of its pages.`;

/** Adds `rxgrid dashboard`. */
export const addDashboard: AddCommands = (program, run) => {
  const command = program
    .command('dashboard')
    .description('Serves the dashboard of a host on 127.0.0.1, to this machine alone, and prints its address.')
    .argument('[url]', 'the host, or the name of a context; without it, RXGRID_HOST or the context')
    .option('-p, --port <port>', 'port of 127.0.0.1; 0 is any free one', wholeNumber(0, 0xffff), 0)
    .option('--open', 'open the address in the browser')
    .option('--via <host>', 'show the page of that host of the mesh first');
  describeCa(describeTokens(describeContext(command)))
    .addOption(durationOption('--timeout <duration>', 'time to connect', '10s'))
    .option('-q, --quiet', 'no notes on standard error, errors only')
    .addHelpText('after', `${help}\n${targetCodes}`)
    .action((url: string | undefined, options: DashboardOptions) => run((signal) => dashboard(url, options, signal)));
};

async function dashboard(host: string | undefined, options: DashboardOptions, signal: AbortSignal): Promise<number> {
  const place = host === undefined ? selectHost(options, process.env) : selectHostAt(urlOf(host), options, process.env);
  const files = packagedPage();
  const ca = await caOf(place, signal);
  await checkHost(place, ca, options, signal);
  const served = await serve(place, ca, options, files, signal);
  let removeFile: (() => void) | undefined;
  try {
    const first = place.via === undefined ? '' : `#/hosts/${encodeURIComponent(place.via)}`;
    const address = `${served.address}${first}`;
    await print(address);
    if (options.open === true) removeFile = await opened(address);
    if (options.quiet !== true) {
      const shown = printableUrl(place.url).replace(/\/$/, '');
      note(`this is the dashboard of ${shown}. Anyone who has the address uses your token; Ctrl-C ends it.`);
    }
    await untilAborted(signal);
  } finally {
    removeFile?.();
    await served.close();
  }
  return exitCodeOf(signal);
}

/** Connects once, so that a wrong token or host ends the command, and does not show an empty page. */
async function checkHost(
  place: SelectedHost,
  ca: Uint8Array | undefined,
  { timeout }: DashboardOptions,
  signal: AbortSignal,
): Promise<void> {
  try {
    const leaf = await connectTo(place.url, {
      token: await place.token(signal),
      connectMs: timeout,
      ca,
      signal,
    });
    leaf.close();
  } catch (error) {
    throw explained(error, printableUrl(place.url));
  }
}

async function serve(
  place: SelectedHost,
  ca: Uint8Array | undefined,
  { port, timeout }: DashboardOptions,
  files: ReturnType<typeof packagedPage>,
  signal: AbortSignal,
): Promise<LocalDashboard> {
  const url = leafUrl(place.url);
  const tunnel = { url, ca, token: () => place.token(signal), dialTimeout: timeout };
  try {
    return await serveLocalDashboard({ ...tunnel, port, title: new URL(url).host }, files);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new Failure(
      `cannot listen on port ${port} of 127.0.0.1 (${code ?? errorText(error)}). Give another with --port, or leave it out.`,
    );
  }
}

async function opened(address: string): Promise<(() => void) | undefined> {
  try {
    return await openBrowser(address);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    note(`no browser can be started (${code ?? errorText(error)}): open the address by hand.`);
    return undefined;
  }
}
