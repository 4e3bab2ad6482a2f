// The package holds no documents but the README. While `npm pack` runs, the links of the README lead to the pages of
// the version in the repository that package.json names:
//
//   node scripts/packed-readme.mjs            makes them absolute, and keeps the original beside it
//   node scripts/packed-readme.mjs --restore  brings the original back
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const [readme, original] = [`${root}README.md`, `${root}.README.original.md`];

/** The README for the package: links to files lead to the repository, images to their bytes. */
export function withAbsoluteLinks(text, { repository, version }) {
  const base = repository.url.replace(/^git\+/, '').replace(/\.git$/, '');
  const parts = noted(text, base).split(/(^```[^]*?^```$)/m);
  return parts
    .map((part) =>
      part.startsWith('```')
        ? part
        : part.replace(
            /(!?)(\[[^\]]*\]\()(?!https?:|#)([^)\s]+)/g,
            (_, image, label, path) => `${image}${label}${base}/${image ? 'raw' : 'blob'}/v${version}/${path}`,
          ),
    )
    .join('');
}

/** A package that was packed before the first release says where its pages are. */
function noted(text, base) {
  if (!new URL(base).hostname.endsWith('.invalid')) return text;
  const note =
    '_This build is not published, and its links lead to a placeholder. The pages are in the repository under the same paths._';
  return text.replace(/^# .+\n/, (title) => `${title}\n${note}\n`);
}

function restore() {
  if (existsSync(original)) renameSync(original, readme);
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  restore();
  if (!process.argv.includes('--restore')) {
    const text = readFileSync(readme, 'utf8');
    writeFileSync(original, text);
    writeFileSync(readme, withAbsoluteLinks(text, JSON.parse(readFileSync(`${root}package.json`, 'utf8'))));
  }
}
