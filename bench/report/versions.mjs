import { createRequire } from 'node:module';
import { availableParallelism, cpus, loadavg } from 'node:os';

const require = createRequire(import.meta.url);
const versionOf = (name) => `${name} ${require(`${name}/package.json`).version}`;

/** What measures, in one line. The load tells who else was at work: a figure from a busy machine is worth nothing. */
export function versions() {
  const packages = ['rxjs', 'ws', 'rsocket-core'].map(versionOf).join(', ');
  const machine = `${availableParallelism()} × ${cpus()[0]?.model ?? process.arch}`;
  const node = [`Node ${process.versions.node}`, ...process.execArgv].join(' ');
  return `${node}, ${packages}; ${machine}, load ${loadavg()[0].toFixed(1)}`;
}
