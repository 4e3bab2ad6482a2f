import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { ConfigurationError } from '../../errors.js';

/** A file of the page, as it is sent. */
export interface PageFile {
  readonly type: string;
  readonly bytes: Uint8Array;
  readonly gzip: Uint8Array;
  readonly etag: string;
}

/** The files of the page, by their names below its path; '' is the page itself. */
export type PageFiles = ReadonlyMap<string, PageFile>;

const documents: readonly (readonly [name: string, file: string, type: string])[] = [
  ['', 'index.html', 'text/html; charset=utf-8'],
  ['main.css', 'main.css', 'text/css; charset=utf-8'],
  ['icon.svg', 'icon.svg', 'image/svg+xml'],
];

const packagesFile = 'packages.js';

/** `scripts.json`: what the build has found that the page loads. */
interface Scripts {
  /** Files in `dist/web`. */
  readonly modules: readonly string[];
  /** The packages that those import: `packages.js` in `dist/dashboard` has what they use of them. */
  readonly packages: readonly string[];
}

/** Folders between `dist` and the file that this code is in, at the most. */
const maxDepth = 4;

let packaged: PageFiles | undefined;

/**
 * The page of the package, which the build puts into `dist/dashboard`. @throws ConfigurationError where it is not
 * there.
 */
export function packagedPage(): PageFiles {
  return (packaged ??= readPage(packagedFolder(import.meta.url)));
}

/**
 * Reads the files of a page: those in `folder`, and the modules in the folder `web` beside it, which are also those for
 * bundlers.
 */
export function readPage(folder: string): PageFiles {
  const { modules, packages } = JSON.parse(readFileSync(join(folder, 'scripts.json'), 'utf8')) as Scripts;
  return new Map([
    ...documents.map(([name, file, type]) => pageFile(name, type, readFileSync(join(folder, file)))),
    script(packagesFile, readFileSync(join(folder, packagesFile))),
    ...modules.map((file) => script(`web/${file}`, moduleOfPage(file, join(folder, '../web', file), packages))),
  ]);
}

function script(name: string, bytes: Uint8Array): [string, PageFile] {
  return pageFile(name, 'text/javascript; charset=utf-8', bytes);
}

function pageFile(name: string, type: string, bytes: Uint8Array): [string, PageFile] {
  const etag = `"${createHash('sha256').update(bytes).digest('base64url').slice(0, 22)}"`;
  let gzip: Uint8Array | undefined;
  const file = {
    ...{ type, bytes, etag },
    // At the first request: most hosts that serve the page are never asked for it.
    get gzip() {
      return (gzip ??= gzipSync(bytes, { level: 9 }));
    },
  };
  return [name, file];
}

/**
 * A module of `dist/web` imports packages by their names, for the sake of bundlers. A browser would need a map of them,
 * which is an inline script, which the policy of the page forbids: the module that is sent names their file.
 */
function moduleOfPage(module: string, file: string, packages: Scripts['packages']): Uint8Array {
  const top = '../'.repeat(module.split('/').length);
  const text = readFileSync(file, 'utf8').replace(
    /\b(from|import)"([\w@][\w@./-]*)"/g,
    (all, word: string, name: string) => (packages.includes(name) ? `${word}"${top}${packagesFile}"` : all),
  );
  return new TextEncoder().encode(text);
}

// The bundler decides which file of dist this code is in.
function packagedFolder(from: string): string {
  let folder = dirname(fileURLToPath(from));
  for (let depth = 0; depth < maxDepth; depth++) {
    const found = join(folder, 'dashboard');
    if (existsSync(join(found, 'index.html'))) return found;
    folder = dirname(folder);
  }
  throw new ConfigurationError(
    `The files of the dashboard are not beside ${from}. In a clone, \`npm run build\` makes them; a bundler has to leave rxgrid/node external.`,
  );
}
