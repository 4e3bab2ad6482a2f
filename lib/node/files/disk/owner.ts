import { createHash } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname, uptime } from 'node:os';

/*
 * The owner of a file that is being received: the name of the file says which process of which system writes it. So
 * another process of the same system can find out whether it is still being written.
 */

const ownerForm = /\.([0-9a-f]{8})-([0-9a-f]{8})-([0-9a-z]+)-([0-9a-z]+)-[0-9a-z]+\.rxgrid-(?:tmp|own)$/;

/** Where process ids have the same meaning: the host name, and the namespace of the process ids. */
const system = digest(`${hostname()} ${textOf(() => readlinkSync('/proc/self/ns/pid'))}`);
/** Process ids are reused after each boot. Only Linux has an id of the boot: elsewhere, all boots are one here. */
const boot = digest(textOf(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8')));
const self = `${system}-${boot}-${process.pid.toString(36)}-${startOf(process.pid) ?? '0'}`;
let lastNumber = 0;

/** A part of a file name that is unique, and names the owner of the file. */
export function ownerMark(): string {
  return `${self}-${(++lastNumber).toString(36)}`;
}

/**
 * Whether the process that owns a file still runs; undefined where this process cannot know.
 *
 * `modified` returns when the file was last written to, in ms since the epoch. A file of another boot is one of an
 * earlier boot of this system only if it is older than the present one: machines may have the same name, and share a
 * disk.
 */
export function isOwned(name: string, modified: () => number = () => Infinity): boolean | undefined {
  const [, itsSystem, itsBoot, pid, start] = ownerForm.exec(name) ?? [];
  if (itsSystem !== system || pid === undefined) return undefined;
  if (itsBoot !== boot) return modified() < bootTime() ? false : undefined;
  const number = parseInt(pid, 36);
  try {
    process.kill(number, 0);
  } catch (error) {
    // EPERM: it runs, as another user.
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false;
  }
  const now = startOf(number);
  if (now !== undefined && start !== '0') return now === start;
  // Where nothing says when a process started, another one may have its id since a boot.
  return modified() >= bootTime();
}

function bootTime(): number {
  return Date.now() - uptime() * 1_000;
}

/** When a process started, in ticks since boot. It distinguishes two processes that had the same id. */
function startOf(pid: number): string | undefined {
  const stat = textOf(() => readFileSync(`/proc/${String(pid)}/stat`, 'utf8'));
  // The name of the program is in parentheses, and may contain spaces.
  const ticks = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  return ticks === undefined ? undefined : Number(ticks).toString(36);
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 8);
}

function textOf(read: () => string): string {
  try {
    return read();
  } catch {
    // Only Linux has these files.
    return '';
  }
}
