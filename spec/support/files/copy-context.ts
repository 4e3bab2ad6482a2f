import type { CopyContext, CopyOptions } from '../../../lib/cli/copy/copy.js';
import { ProgressBar } from '../../../lib/cli/output/progress-bar.js';
import { Report, type ReportOptions } from '../../../lib/cli/copy/report.js';
import type { Connection } from '../../../lib/contract/connection.js';

/** The options of a plain `rxgrid cp -r`. */
export const plainOptions: CopyOptions = {
  recursive: true,
  resume: false,
  verify: false,
  fsync: false,
  links: 'skip',
  dryRun: false,
  excludes: undefined,
  preserve: false,
  delete: false,
  parallel: 1,
  maxEntries: 1_000_000,
};

/** What `rxgrid cp -r` works with, without a terminal. `lines` takes its messages and its results. */
export function copyContext(
  connection: Connection,
  options: Partial<CopyOptions> = {},
  lines: string[] = [],
  reporting: Partial<ReportOptions> = {},
): CopyContext {
  const report = new Report({
    bar: new ProgressBar('x', false),
    write: (line) => lines.push(line),
    result: (line) => lines.push(line),
    quiet: false,
    verbose: true,
    resumable: options.resume === true,
    now: () => performance.now(),
    ...reporting,
  });
  return {
    connection,
    report,
    options: { ...plainOptions, ...options },
    signal: new AbortController().signal,
    decided: {},
  };
}
