import { createHash } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

/*
 * Who a file on its way belongs to: its name says which process of which system made it. So another process of the same
 * system knows whether somebody still writes it.
 */

const ownerForm = /\.([0-9a-f]{8})-([0-9a-f]{8})-([0-9a-z]+)-([0-9a-z]+)-[0-9a-z]+\.rxgrid-(?:tmp|own)$/;

/** The system, as far as process ids mean the same: its name, and the namespace of its process ids. */
const system = digest(`${hostname()} ${textOf(() => readlinkSync('/proc/self/ns/pid'))}`);
/** Process ids begin again at each start of the system. */
const boot = digest(textOf(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8')));
const self = `${system}-${boot}-${process.pid.toString(36)}-${startOf(process.pid) ?? '0'}`;
let lastNumber = 0;

/** A part of a name that nothing else has, and that says whose it is. */
export function ownerMark(): string {
  return `${self}-${(++lastNumber).toString(36)}`;
}

/** Whether the process that made a file on its way still runs; undefined where this system cannot know. */
export function isOwned(name: string): boolean | undefined {
  const [, itsSystem, itsBoot, pid, start] = ownerForm.exec(name) ?? [];
  if (itsSystem !== system || pid === undefined) return undefined;
  if (itsBoot !== boot) return false;
  const number = parseInt(pid, 36);
  try {
    process.kill(number, 0);
  } catch (error) {
    // It runs, as another user.
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false;
  }
  const now = startOf(number);
  return now === undefined || start === '0' || now === start;
}

/** When a process began, in ticks since the start of the system: its id may be another one's by now. */
function startOf(pid: number): string | undefined {
  const stat = textOf(() => readFileSync(`/proc/${String(pid)}/stat`, 'utf8'));
  // The name of the program is in parentheses, and may have spaces.
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
    // Of Linux alone.
    return '';
  }
}
