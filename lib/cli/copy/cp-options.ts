import { InvalidArgumentError, Option, type Command } from 'commander';
import { describeConnection, type ConnectionOptions } from '../connect/connection-options.js';
import { wholeNumber } from '../output/output.js';
import { describeMaxEntries } from '../paths/max-entries.js';

/** The options of `rxgrid cp`, as commander gives them. */
export interface CpOptions extends ConnectionOptions {
  readonly recursive: boolean;
  readonly resume: boolean;
  readonly verify: boolean;
  readonly fsync: boolean;
  readonly links: 'skip' | 'follow';
  readonly exclude: readonly string[];
  readonly dryRun: boolean;
  readonly retry: number;
  readonly preserve: boolean;
  readonly delete: boolean;
  readonly parallel: number;
  /** Bytes per second; undefined: no limit. */
  readonly limitRate?: number;
  readonly maxEntries: number;
  readonly progress: boolean;
  readonly json: boolean;
  readonly quiet: boolean;
  readonly verbose: boolean;
}

const maxRetries = 1_000;
const maxParallel = 16;
/** A slower copy would be taken for an idle one. */
const minRate = 1_024;
const noFlags = {
  recursive: false,
  resume: false,
  verify: false,
  fsync: false,
  preserve: false,
  delete: false,
  dryRun: false,
  json: false,
  quiet: false,
  verbose: false,
};

/** The options of commander, with flags that were not given. */
export function cpOptions(given: Partial<CpOptions>): CpOptions {
  return { ...noFlags, ...given } as CpOptions;
}

/** Gives the command its arguments, options and help. */
export function describeCp(command: Command): Command {
  const described = command
    .description('Copies files from a host to here, or from here to a host that serves files (serveFiles).')
    .usage('[options] <source...> <target>')
    .argument(
      '[paths...]',
      'sources and then the target: host:port:path, ws://host:port:path, a path here, or - for standard input and output; the sources or the target are of one host',
    )
    .option('-r, --recursive', 'folders with all that is in them')
    .option(
      '--resume',
      'continue an interrupted copy, skip files whose size and time match, and keep what an interruption leaves',
    )
    .option(
      '--retry <n>',
      'after a connection loss, connect again and continue, at most so many times',
      wholeNumber(0, maxRetries),
      0,
    )
    .option('--verify', 'check a SHA-256 of each file before it gets its name')
    .option('--fsync', 'force each file to the disk before it gets its name')
    .addOption(
      new Option('--links <how>', 'symbolic links in folders: skip them, or follow those to files')
        .choices(['skip', 'follow'])
        .default('skip'),
    )
    .option(
      '--exclude <glob>',
      'leave out what matches: names, or paths relative to the source folder; may be given several times',
      collect,
      [],
    )
    .option('-n, --dry-run', 'list what would be copied, and with --delete what would be removed, and change nothing')
    .option('--no-progress', 'no progress bar, which is there on a terminal only')
    .option('--json', 'progress and result as lines of JSON on standard output')
    .option('-q, --quiet', 'errors only')
    .option('-v, --verbose', 'say how files are read, and why')
    .option('-p, --preserve', 'keep permission bits exactly, and those and the times of folders')
    .option('--delete', 'with -r: remove from the target what is not in the source; at a host, it must allow that')
    .option('--parallel <n>', 'with -r: copy so many files at once', wholeNumber(1, maxParallel), 1)
    .option('--limit-rate <bytes>', 'bytes per second, at most; K, M and G stand for KiB, MiB and GiB', toRate)
    .addHelpText('after', help);
  return describeConnection(describeMaxEntries(described));
}

const help = `
Paths at the host are relative to the folder that it serves; "host:" is that folder. A host is host:port, or with ws://
or wss:// before it; it has no user, no "?" and no "#". Quote globs at the host: 'host:9000:logs/*.txt'.

No incomplete file ever has its final name: it is written under a temporary one. A path here that you type is
written through its links; a FIFO or a device is written to as it is.

A folder goes into a target that is there, as with cp. With --resume, the target is the copy itself, so that the same
command continues it; write a slash behind the target to copy into it.

Examples:
  RXGRID_TOKEN=secret rxgrid cp ws://10.0.0.1:9000:photos/a.jpg .
  rxgrid cp --token-file ~/.token -r --resume ./photos 10.0.0.1:9000:backup
  tar c . | rxgrid cp - 10.0.0.1:9000:backup.tar
  rxgrid cp 10.0.0.1:9000:backup.tar - | tar t

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 no connection, 4 refused (the token, or no files are served), 5 some files
are not copied, 129, 130 and 143 ended by SIGHUP, SIGINT and SIGTERM, 141 the reader of standard output is gone.`;

function toRate(text: string): number {
  const [, number, unit = ''] = /^(\d+(?:\.\d+)?)([KMG]?)$/i.exec(text) ?? [];
  const rate = Number(number) * 1_024 ** ' KMG'.indexOf(unit.toUpperCase() || ' ');
  if (rate >= minRate) return rate;
  throw new InvalidArgumentError(`Give bytes per second, ${String(minRate)} (1K) or more: for instance 500K or 1.5M.`);
}

function collect(value: string, before: readonly string[]): readonly string[] {
  return [...before, value];
}
