import { build } from 'esbuild';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, posix, relative, resolve } from 'node:path';
import { toCommonJs } from './common-js.mjs';
import { laterFiles, loadLater } from './later.mjs';
import { shrink } from './shrink.mjs';

const require = createRequire(import.meta.url);
// Loaded when they are needed, under the same names after the next build.
const later = ['endpoint/accept/jose', 'files/sha256'];
// Packages that a process may lack. A bundler must not look for them.
const optional = [
  { file: 'node/kernel/load-koffi', name: 'koffi' },
  { file: 'node/membership/load-etcd', name: 'etcd3' },
];

/**
 * Bundles the entries and the command for Node: `folder/esm` to `folder/cjs` and `folder/node`. Node takes half a
 * millisecond to load a module, so these are few files.
 */
export async function bundleForNode(folder, entries) {
  const esm = `${folder}/esm`;
  // `rxgrid --help` loads nothing of the core: the commands do, each of which main loads when it is used.
  const ofCommands = ['cli/main', 'cli/commands', 'cli/commands/cp'].flatMap((name) =>
    [...readFileSync(`${esm}/${name}.js`, 'utf8').matchAll(/import\('(\.[^']+)\.js'\)/g)].map(([, file]) =>
      posix.join(posix.dirname(name), file),
    ),
  );
  const ofNode = [...entries.filter((name) => name !== 'index'), ...laterFiles, ...new Set(ofCommands)];
  const textOfNode = await loadLater(esm, 'node/index');
  const { outputFiles, metafile } = await build({
    entryPoints: ['index', 'cli/main', ...ofNode, ...later].map((name) => `${esm}/${name}.js`),
    outbase: esm,
    outdir: `${folder}/cjs`,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'es2022',
    packages: 'external',
    // The manifest tells bundlers that an import alone does nothing.
    ignoreAnnotations: true,
    minifySyntax: true,
    plugins: [oneCore(esm, ofNode, textOfNode), replacements(esm)],
    write: false,
    metafile: true,
    logLevel: 'warning',
  });
  const exportsOf = new Map(Object.entries(metafile.outputs).map(([path, output]) => [resolve(path), output.exports]));
  for (const { path, text } of outputFiles) {
    const name = relative(`${folder}/cjs`, path);
    if (name.startsWith('cli/')) await writeCommand(folder, name, text);
    else await writeCommonJs(path, text);
  }
  for (const name of entries) writeFacade(folder, name, exportsOf.get(`${folder}/cjs/${name}.js`));
  writeFileSync(`${folder}/cjs/package.json`, '{ "type": "commonjs" }\n');
}

async function writeCommonJs(path, text) {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, await shrink(await toCommonJs(text), false));
}

/**
 * The command remains ES modules, which can import the modules of its user. What it shares with the entries is
 * CommonJS.
 */
async function writeCommand(folder, name, text) {
  const up = '../'.repeat(name.split('/').length);
  const code = text.replaceAll(/(["'])(?:\.\.\/)+(?=chunk-)/g, `$1${up}cjs/`);
  mkdirSync(dirname(`${folder}/node/${name}`), { recursive: true });
  writeFileSync(`${folder}/node/${name}`, await shrink(code, true));
}

/** An ES module that exports what the CommonJS module of an entry does. */
function writeFacade(folder, name, names) {
  const target = `${folder}/node/${name}.js`;
  const from = relative(dirname(target), `${folder}/cjs/${name}.js`);
  mkdirSync(dirname(target), { recursive: true });
  writeFileSync(target, `export { ${names.join(', ')} } from '${from}';\n`);
}

/**
 * esbuild makes a file of what the same entries share: each one that is not the main entry is given the whole of it, so
 * that what they share is one file.
 */
const oneCore = (esm, ofNode, textOfNode) => ({
  name: 'one core',
  setup({ onLoad }) {
    onLoad({ filter: /.*/ }, ({ path }) => {
      const name = relative(esm, path);
      if (!ofNode.some((entry) => name === `${entry}.js`)) return undefined;
      const text = name === 'node/index.js' ? textOfNode : readFileSync(path, 'utf8');
      // A command is given the whole of what any of them uses, so that they do not take the other entries to pieces.
      // None uses rxgrid/otel, which needs a package that the user may not have.
      const whole = name.startsWith('cli/') ? ofNode.filter((entry) => !/^(cli|testing|otel)\b/.test(entry)) : [];
      // What a host is made of is not taken to pieces either.
      if (laterFiles.includes(name.replace(/\.js$/, ''))) whole.push('node/index');
      const imports = ['index', ...whole].map((entry) => {
        const from = relative(dirname(path), `${esm}/${entry}.js`);
        return `import ${JSON.stringify(from.startsWith('.') ? from : `./${from}`)};`;
      });
      return { contents: imports.join('') + text };
    });
  },
});

/** What Node gets in place of what a browser needs, and of what a bundler would follow. */
const replacements = (esm) => ({
  name: 'replacements',
  setup({ onLoad, onResolve }) {
    // For a browser the checksum is a file of its own. Nearly every process of Node needs it, and finding the file, and
    // that of its package, takes 2 ms: there both are part of the main file, as the license of the package allows.
    replaceLines(onLoad, esm, 'wire/checksum', {
      lines: { "const { createXXHash3 } = await import('./xxh3.js');": '' },
      head: "import { createXXHash3 } from './xxh3.js';",
    });
    onResolve({ filter: /^hash-wasm.*xxhash3/ }, ({ path }) => ({ path: require.resolve(path) }));
    onLoad({ filter: /hash-wasm.*xxhash3/ }, ({ path }) => {
      // As a module: esbuild's helpers for CommonJS would be one more file.
      const text = readFileSync(path, 'utf8');
      const body = `(function (exports, module) {\n${text}\n})(whole, {});`;
      return { contents: `const whole = {};\n${body}\nexport default whole;` };
    });
    // Its 25 files take 0.3 MB and some ms. A process whose payloads are bytes, or that names another codec, never makes
    // one of these.
    const names = '{ createCodec, Decoder, encode }';
    const start = 'export function msgpackLite(timestamps) {';
    replaceLines(onLoad, esm, 'codec/msgpack-lite', {
      lines: {
        [`import ${names} from 'msgpack-lite';`]: '',
        [start]: `${start}\n    const ${names} = requireNow(import('msgpack-lite'));`,
      },
    });
    // CommonJS has another word for the place of a file.
    replaceLines(onLoad, esm, 'node/dashboard/page-files', {
      lines: { 'import.meta.url': 'pathToFileURL(__filename).href' },
      head: "import { pathToFileURL } from 'node:url';",
    });
    for (const { file, name } of optional) {
      replaceLines(onLoad, esm, file, {
        lines: { [`import('${name}')`]: `createRequire(__filename)('${name}')` },
        head: "import { createRequire } from 'node:module';",
      });
    }
  },
});

function replaceLines(onLoad, esm, file, { lines, head = '' }) {
  onLoad({ filter: new RegExp(`${file}\\.js$`) }, ({ path }) => {
    let text = readFileSync(path, 'utf8');
    for (const [line, by] of Object.entries(lines)) {
      if (!text.includes(line)) throw new Error(`${relative(esm, path)} has no ${line}`);
      text = text.replace(line, by);
    }
    return { contents: `${head}\n${text}` };
  });
}
