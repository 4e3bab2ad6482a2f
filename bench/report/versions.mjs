import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism, cpus } from 'node:os';

const require = createRequire(import.meta.url);

const versionOf = (name) => {
  const [file] = require.resolve
    .paths(name)
    .map((folder) => `${folder}/${name}/package.json`)
    .filter(exists);
  return `${name} ${JSON.parse(readFileSync(file, 'utf8')).version}`;
};

function exists(file) {
  try {
    readFileSync(file);
    return true;
  } catch {
    return false;
  }
}

/** What was measured, in one line. */
export function versions() {
  const packages = ['rxjs', 'ws', 'rsocket-core'].map(versionOf).join(', ');
  return `Node ${process.versions.node}, ${packages}; ${availableParallelism()} × ${cpus()[0]?.model ?? process.arch}`;
}
