// Makes the page that serveDashboard serves: no other origin, no inline script. Its scripts are files of dist/web
// (web.mjs).
import { build } from 'esbuild';
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';

/**
 * Writes the page of the project at `root` into the folder `to`: the files that are not scripts; those packages that
 * the scripts import, bundled, since a browser does not find a package by its name; and `scripts.json`, which lists
 * both (lib/node/dashboard/page-files.ts). `web` is the folder with the scripts, `metafile` what esbuild has said of
 * it.
 */
export async function buildDashboard(root, { web, metafile, to }) {
  const from = join(root, 'lib/dashboard');
  mkdirSync(to, { recursive: true });
  for (const name of ['index.html', 'icon.svg']) copyFileSync(join(from, name), join(to, name));
  await build({
    entryPoints: { main: join(from, 'css/main.css') },
    outdir: to,
    bundle: true,
    minify: true,
    target: ['chrome111', 'firefox113', 'safari16.4'],
    logLevel: 'warning',
  });
  const outputs = new Map(
    Object.entries(metafile.outputs).map(([path, output]) => [relative(web, resolve(root, path)), output]),
  );
  const modules = modulesOf(root, web, outputs);
  const packages = packagesOf(web, modules);
  const ofPackages = await bundlePackages(root, packages, to);
  writeFileSync(join(to, 'scripts.json'), `${JSON.stringify({ modules, packages: [...packages.keys()] })}\n`);
  const inputs = modules.flatMap((name) => Object.keys(outputs.get(name).inputs));
  writeFileSync(join(to, 'LICENSES.txt'), licensesOf(root, namesOf([...inputs, ...ofPackages])));
}

/**
 * What the page loads at once. What a module loads when it is needed, the page does not: a strict policy forbids
 * WebAssembly.
 */
function modulesOf(root, web, outputs) {
  const found = new Set(['dashboard/main.js']);
  for (const name of found) {
    for (const { path, kind, external } of outputs.get(name).imports) {
      if (kind === 'import-statement' && !external) found.add(relative(web, resolve(root, path)));
    }
  }
  return [...found].sort();
}

/** The packages that modules import, each with the names that they take of it. */
function packagesOf(web, modules) {
  const packages = new Map();
  for (const module of modules) {
    const text = readFileSync(join(web, module), 'utf8');
    for (const [, first, list = '', name] of text.matchAll(
      /\bimport\s?([\w$]+)?,?(?:\{([^}]*)\})?(?:from)?"([\w@][\w@./-]*)"/g,
    )) {
      const names = list.split(',').map((each) => each.split(' as ')[0]);
      if (first !== undefined) names.push('default');
      packages.set(name, new Set([...(packages.get(name) ?? []), ...names.filter((each) => each !== '')]));
    }
  }
  return packages;
}

/** Bundles what the page uses of its packages into one file. esbuild refuses two exports of the same name. */
async function bundlePackages(root, packages, to) {
  const exported = [...packages].map(
    ([name, names]) => `export { ${[...names].join(', ')} } from ${JSON.stringify(name)};`,
  );
  const { metafile } = await build({
    stdin: { contents: exported.join('\n'), resolveDir: resolve(root) },
    outfile: join(to, 'packages.js'),
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    legalComments: 'none',
    logLevel: 'warning',
    metafile: true,
    absWorkingDir: resolve(root),
  });
  return Object.keys(metafile.inputs);
}

function namesOf(inputs) {
  return [...new Set(inputs.flatMap((path) => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1] ?? []))].sort();
}

/** The licenses of the packages in the bundles ask to stand beside them. That of Apache is the one of this package. */
function licensesOf(root, names) {
  return names
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
