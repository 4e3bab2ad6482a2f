import { spawnSync } from 'node:child_process';
import { ownName } from '../../../lib/node/files/disk/temporary.js';

let gone: number | undefined;

/** The name of a file that can be continued, of a process that does not run any more. */
export function ownNameOfKilled(name: string): string {
  gone ??= spawnSync(process.execPath, ['-e', '']).pid;
  return ownName(name).replace(
    /-[0-9a-z]+-[0-9a-z]+-([0-9a-z]+)\.rxgrid-own$/,
    `-${gone.toString(36)}-1-$1.rxgrid-own`,
  );
}
