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

const names: readonly (readonly [name: string, file: string, type: string])[] = [
  ['', 'index.html', 'text/html; charset=utf-8'],
  ['main.js', 'main.js', 'text/javascript; charset=utf-8'],
  ['main.css', 'main.css', 'text/css; charset=utf-8'],
  ['icon.svg', 'icon.svg', 'image/svg+xml'],
];

/** Folders between `dist` and the file that this code is in, at the most. */
const maxDepth = 4;

let packaged: PageFiles | undefined;

/** The page of the package, which the build puts into `dist/dashboard`. @throws ConfigurationError where it is not there. */
export function packagedPage(): PageFiles {
  return (packaged ??= readPage(packagedFolder(import.meta.url)));
}

/** Reads the files of a page. */
export function readPage(folder: string): PageFiles {
  return new Map(
    names.map(([name, file, type]): [string, PageFile] => {
      const bytes = readFileSync(join(folder, file));
      const etag = `"${createHash('sha256').update(bytes).digest('base64url').slice(0, 22)}"`;
      let gzip: Uint8Array | undefined;
      return [
        name,
        {
          ...{ type, bytes, etag },
          // At the first request: most hosts that serve the page are never asked for it.
          get gzip() {
            return (gzip ??= gzipSync(bytes, { level: 9 }));
          },
        },
      ];
    }),
  );
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
