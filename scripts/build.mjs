// Builds lib into dist, which stays as it is until the new one is complete:
//   dist/esm    a file for each source file, by tsc: bundlers drop what is not used
//   dist/chunks the same in few files, by esbuild, for Node, which takes half a millisecond to load a module
//   dist/cjs    those as CommonJS
import { build } from 'esbuild';
import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const require = createRequire(import.meta.url);
const tsc = require.resolve('typescript/bin/tsc');
const dist = `${root}dist`;
const next = `${root}dist.${String(process.pid)}`;
const { exports, browser } = JSON.parse(readFileSync(`${root}package.json`, 'utf8'));

process.on('exit', () => rmSync(next, { recursive: true, force: true }));

// Node keeps the text of what it has loaded, comments included. The declarations keep theirs: they are documentation.
for (const [config, folder, ...more] of [
  ['tsconfig.esm.json', 'esm', '--declaration', 'false', '--removeComments'],
  ['tsconfig.cjs.json', 'cjs'],
]) {
  const args = [tsc, '-p', config, '--outDir', `${next}/${folder}`, ...more];
  const run = spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit' });
  if (run.status !== 0) {
    console.error(`rxgrid: the build with ${config} failed.`);
    process.exit(1);
  }
}

cpSync(`${next}/cjs`, `${next}/esm`, { recursive: true });

const shared = { platform: 'node', target: 'es2022', packages: 'external', logLevel: 'warning' };
const entries = Object.values(exports).flatMap(
  ({ import: { types } = {} }) => /^\.\/dist\/esm\/(.+)\.d\.ts$/.exec(types)?.[1] ?? [],
);
// `rxgrid --help` loads nothing of the core: the commands do, each of which main loads when it is used.
const ofCommands = ['main', 'commands', 'cp-command'].flatMap((name) =>
  [...readFileSync(`${next}/esm/cli/${name}.js`, 'utf8').matchAll(/import\('\.\/([^']+)\.js'\)/g)].map(
    ([, file]) => `cli/${file}`,
  ),
);
const ofNode = [...entries.filter((name) => name !== 'index'), ...new Set(ofCommands)];
const later = ['endpoint/jose', 'files/sha256'];
// esbuild makes a file of what the same entries share: each one that is not the main entry is given the whole of it, so
// that what they share is one file.
const oneCore = {
  name: 'one core',
  setup({ onLoad }) {
    onLoad({ filter: /.*/ }, ({ path }) => {
      const name = relative(`${next}/esm`, path);
      if (!ofNode.some((entry) => name === `${entry}.js`)) return undefined;
      const text = readFileSync(path, 'utf8');
      // A command is given the whole of what any of them uses, so that they do not take the other entries to pieces.
      const whole = name.startsWith('cli/')
        ? ofNode.filter((entry) => !entry.startsWith('cli/') && !entry.startsWith('testing'))
        : [];
      const imports = ['index', ...whole].map((entry) => {
        const from = relative(dirname(path), `${next}/esm/${entry}.js`);
        return `import ${JSON.stringify(from.startsWith('.') ? from : `./${from}`)};`;
      });
      return { contents: imports.join('') + text };
    });
  },
};
// For a browser the checksum is a file of its own. Nearly every process of Node needs it, and finding the file, and that of
// its package, takes 2 ms: there both are part of the main file, as the license of the package allows.
const checksumAtOnce = {
  name: 'checksum at once',
  setup({ onLoad, onResolve }) {
    const later = "const { createXXHash3 } = await import('./xxh3.js');";
    onLoad({ filter: /wire.checksum\.js$/ }, ({ path }) => {
      const text = readFileSync(path, 'utf8');
      if (!text.includes(later)) throw new Error(`${path} has no line ${later}`);
      return { contents: `import { createXXHash3 } from './xxh3.js';\n${text.replace(later, '')}` };
    });
    onResolve({ filter: /^hash-wasm.*xxhash3/ }, ({ path }) => ({ path: require.resolve(path) }));
    onLoad({ filter: /hash-wasm.*xxhash3/ }, ({ path }) => {
      // As a module: esbuild's helpers for CommonJS would be one more file.
      const contents = `const exports = {}, module = { exports };\n${readFileSync(path, 'utf8')}\nexport default exports;`;
      return { contents };
    });
  },
};
// Node has SHA-256 itself, at once: to load the package for it takes 3 ms and 0.2 MB of each process.
const hashOfNode = {
  name: 'hash of Node',
  setup({ onLoad, onResolve }) {
    onResolve({ filter: /^@noble.hashes.sha2$/ }, ({ path }) => ({ path, namespace: 'node' }));
    onLoad({ filter: /sha2$/, namespace: 'node' }, () => ({
      contents: `import { createHash } from 'node:crypto';
        export const sha256 = (bytes) => new Uint8Array(createHash('sha256').update(bytes).digest());`,
    }));
  },
};
await build({
  ...shared,
  // What is loaded later is named too: a running process finds it under the same name after the next build.
  entryPoints: ['index', 'cli/main', ...ofNode, ...later].map((name) => `${next}/esm/${name}.js`),
  outbase: `${next}/esm`,
  outdir: `${next}/chunks`,
  bundle: true,
  splitting: true,
  format: 'esm',
  // The manifest tells bundlers that an import alone does nothing.
  ignoreAnnotations: true,
  plugins: [oneCore, checksumAtOnce, hashOfNode],
});
await build({
  ...shared,
  entryPoints: readdirSync(`${next}/chunks`, { recursive: true })
    .filter((name) => name.endsWith('.js') && !name.startsWith('cli/'))
    .map((name) => `${next}/chunks/${name}`),
  outbase: `${next}/chunks`,
  outdir: `${next}/cjs`,
  format: 'cjs',
  // jest runs CommonJS, and has no import() there.
  supported: { 'dynamic-import': false },
});
// Not in the package: modules that no entry of a bundler leads to, and declarations of what no entry exports.
const esmEntries = [
  ...Object.values(exports).flatMap(({ import: { default: path } = {} }) => within('esm', path)),
  // What bundlers for browsers take in place of another file.
  ...Object.values(browser).flatMap((path) => within('esm', path)),
];
const typesEntries = Object.values(exports).flatMap(({ import: { types } = {} }) => within('esm', types));
prune('esm', '.js', esmEntries);
prune('esm', '.d.ts', typesEntries);
prune('cjs', '.d.ts', typesEntries);

writeFileSync(`${next}/cjs/package.json`, '{ "type": "commonjs" }\n');
copyFileSync(new URL('../LICENSE', pathToFileURL(require.resolve('hash-wasm'))), `${next}/LICENSE.hash-wasm`);

/** The name without ending of an entry's file in a folder of dist. */
function within(folder, path = '') {
  return /^\.\/dist\/(\w+)\/(.+?)(?:\.d\.ts|\.js)$/.exec(path)?.[1] === folder
    ? [path.slice(`./dist/${folder}/`.length).replace(/(?:\.d\.ts|\.js)$/, '')]
    : [];
}

/** Removes the files with this ending that no entry leads to. */
function prune(folder, ending, entries) {
  const isEnding = (name) => name.endsWith(ending) && (ending !== '.js' || !name.endsWith('.d.js'));
  const reached = new Set();
  const pending = [...entries];
  for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
    // An example in a comment imports what is not there.
    if (reached.has(name) || !existsSync(`${next}/${folder}/${name}${ending}`)) continue;
    reached.add(name);
    const text = readFileSync(`${next}/${folder}/${name}${ending}`, 'utf8');
    for (const [, path] of text.matchAll(/(?:from|import)\s*\(?\s*['"](\.{1,2}\/[^'"]+)\.js['"]/g)) {
      pending.push(join(dirname(name), path));
    }
  }
  for (const name of readdirSync(`${next}/${folder}`, { recursive: true })) {
    if (isEnding(name) && !reached.has(name.slice(0, -ending.length))) rmSync(`${next}/${folder}/${name}`);
  }
}

const old = `${next}.old`;
mkdirSync(dist, { recursive: true });
renameSync(dist, old);
renameSync(next, dist);
rmSync(old, { recursive: true });
