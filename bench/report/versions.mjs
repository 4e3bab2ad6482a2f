import { createRequire } from 'node:module';
import { availableParallelism, cpus } from 'node:os';

const require = createRequire(import.meta.url);
const versionOf = (name) => `${name} ${require(`${name}/package.json`).version}`;

/** What measures, in one line. */
export function versions() {
  const packages = ['rxjs', 'ws', 'rsocket-core'].map(versionOf).join(', ');
  return `Node ${process.versions.node}, ${packages}; ${availableParallelism()} × ${cpus()[0]?.model ?? process.arch}`;
}
