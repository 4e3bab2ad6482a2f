// A control group of Linux that bounds the memory of a process, its share of the page cache included.
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const mount = '/sys/fs/cgroup';

/** Names of what is read and written, in the first and in the second version of control groups. */
const versions = [
  {
    controller: 'memory',
    mount: join(mount, 'memory'),
    limit: 'memory.limit_in_bytes',
    peak: 'memory.max_usage_in_bytes',
    events: 'memory.oom_control',
  },
  { controller: '', mount, limit: 'memory.max', peak: 'memory.peak', events: 'memory.events' },
];

/**
 * Makes a group below the own one, or beside it: the second version wants no processes above. A string: why there is
 * none.
 */
export function makeMemoryGroup(bytes) {
  let reason = 'there are no control groups';
  for (const version of versions) {
    for (const parent of parentsIn(version)) {
      const folder = join(parent, `rxgrid-bench-${process.pid}`);
      try {
        mkdirSync(folder);
      } catch (error) {
        reason = error.message;
        continue;
      }
      if (existsSync(join(folder, version.limit))) {
        writeFileSync(join(folder, version.limit), String(bytes));
        return new MemoryGroup(folder, version);
      }
      rmdirSync(folder);
      reason = `${parent} has no memory controller`;
    }
  }
  return reason;
}

class MemoryGroup {
  #folder;
  #version;

  constructor(folder, version) {
    this.#folder = folder;
    this.#version = version;
  }

  /** For `Worker.start`: the process is in the group before Node begins. */
  get start() {
    const enter = 'echo $$ > "$0/cgroup.procs" && exec "$@"';
    return { execPath: '/bin/sh', before: ['-c', enter, this.#folder, process.execPath] };
  }

  /** The most that the group had, in bytes; undefined where the system does not tell. */
  get peak() {
    const file = join(this.#folder, this.#version.peak);
    return existsSync(file) ? Number(readFileSync(file, 'utf8')) : undefined;
  }

  /** Processes that were killed for want of memory. */
  get kills() {
    const [, count] = /^oom_kill (\d+)$/m.exec(readFileSync(join(this.#folder, this.#version.events), 'utf8')) ?? [];
    return Number(count ?? 0);
  }

  /** Removes it. Its processes have ended. */
  remove() {
    rmdirSync(this.#folder);
  }
}

function parentsIn({ controller, mount: root }) {
  let lines;
  try {
    lines = readFileSync('/proc/self/cgroup', 'utf8').split('\n');
  } catch {
    return [];
  }
  const path = lines
    .map((line) => line.split(':'))
    .find(([, controllers = '']) =>
      controller === '' ? controllers === '' : controllers.split(',').includes(controller),
    )?.[2];
  if (path === undefined) return [];
  const own = join(root, path);
  return (controller === '' && path !== '/' ? [own, dirname(own)] : [own]).filter((folder) => existsSync(folder));
}
