// Bundles lib/dashboard into the files of the page that serveDashboard serves: no other origin, no inline script.
import { build } from 'esbuild';
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

/** Writes the page of the project at `root` into the folder `out`. The result: bytes by package and folder, for a report. */
export async function buildDashboard(root, out) {
  const from = join(root, 'lib/dashboard');
  mkdirSync(out, { recursive: true });
  const { metafile } = await build({
    entryPoints: { main: join(from, 'main.ts') },
    outdir: out,
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    legalComments: 'none',
    logLevel: 'warning',
    metafile: true,
    absWorkingDir: resolve(root),
    plugins: [forBrowsers],
  });
  for (const name of ['index.html', 'icon.svg']) copyFileSync(join(from, name), join(out, name));
  await build({
    entryPoints: { main: join(from, 'css/main.css') },
    outdir: out,
    bundle: true,
    minify: true,
    target: ['chrome111', 'firefox113', 'safari16.4'],
    logLevel: 'warning',
  });
  const parts = partsOf(metafile);
  writeFileSync(join(out, 'LICENSES.txt'), licensesOf(root, Object.keys(parts)));
  return parts;
}

/** What a page takes in place of files that know Node, and of the checksum: a strict policy forbids WebAssembly. */
const forBrowsers = {
  name: 'for browsers',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /\/ws-dial\.js$/ }, ({ path, resolveDir }) => ({
      path: join(resolveDir, path.replace(/ws-dial\.js$/, 'ws-dial-browser.ts')),
    }));
    onResolve({ filter: /\/xxh3\.js$/ }, ({ path }) => ({ path, namespace: 'absent' }));
    onLoad({ filter: /.*/, namespace: 'absent' }, () => ({ contents: 'export const createXXHash3 = undefined;' }));
  },
};

function partsOf({ outputs }) {
  const parts = {};
  for (const { inputs } of Object.values(outputs)) {
    for (const [path, { bytesInOutput }] of Object.entries(inputs)) {
      const part = /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1] ?? dirname(path);
      parts[part] = (parts[part] ?? 0) + bytesInOutput;
    }
  }
  return parts;
}

/** The licenses of the packages in the bundle ask to stand beside it. That of Apache is the one of this package. */
function licensesOf(root, parts) {
  return parts
    .filter((name) => existsSync(join(root, 'node_modules', name, 'package.json')))
    .sort()
    .map((name) => {
      const folder = join(root, 'node_modules', name);
      const { version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
      const file = ['LICENSE', 'LICENSE.txt', 'LICENSE.md'].find((each) => existsSync(join(folder, each)));
      const isOurs = license === 'Apache-2.0';
      const text = file === undefined || isOurs ? '' : `\n${readFileSync(join(folder, file), 'utf8').trim()}\n`;
      return `${name} ${version}: ${license}\n${text}`;
    })
    .join(`\n${'-'.repeat(80)}\n\n`);
}
