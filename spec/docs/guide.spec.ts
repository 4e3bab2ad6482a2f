import { describe, expect, it } from '@jest/globals';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

/*
 * The code of the README and of the guides is that of files which the tests compile and run. A fence names the file, or
 * a region of it:
 *
 *     ```ts examples/key-value/store.ts#contract
 *
 * The text of a region stands between `// #region contract` and `// #endregion`. To bring the pages up to date:
 * `RXGRID_GUIDE=write npx jest spec/docs`. Their links lead to files and headings that exist.
 */

const project = resolve(__dirname, '../..');
const pages = [
  'README.md',
  ...readdirSync(join(project, 'docs/guide'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/guide/${name}`),
];
const fence = /^```(\w+)([^\n]*)\n([^]*?)^```$/gm;

/** The text of a file, or the lines of a region, without the indent that they share. */
function codeOf(place: string): string {
  const [file = '', name] = place.split('#');
  const path = join(project, file);
  if (!existsSync(path)) throw new Error(`${place}: there is no such file.`);
  const text = readFileSync(path, 'utf8');
  if (name === undefined) return text.trimEnd();
  const [, found] = new RegExp(`^[^\\S\\n]*// #region ${name}\\n([^]*?)^[^\\S\\n]*// #endregion`, 'm').exec(text) ?? [];
  if (found === undefined) throw new Error(`${file} has no region ${name}.`);
  const lines = found.split('\n').filter((line) => !/^\s*\/\/ #(end)?region/.test(line));
  const indent = Math.min(...lines.filter((line) => line.trim() !== '').map((line) => line.search(/\S/)));
  return lines
    .map((line) => line.slice(indent))
    .join('\n')
    .trimEnd();
}

/** The anchors of a page's headings, as public forges make them. */
function anchorsOf(path: string): string[] {
  const headings = readFileSync(path, 'utf8').matchAll(/^#+ (.+)$/gm);
  return [...headings].map(([, text = '']) =>
    text
      .toLowerCase()
      .replace(/[^\w\- ]/g, '')
      .replaceAll(' ', '-'),
  );
}

describe.each(pages)('%s', (name) => {
  const path = join(project, name);
  if (process.env.RXGRID_GUIDE === 'write') {
    const text = readFileSync(path, 'utf8').replace(fence, (whole, language: string, place: string) =>
      place.includes('/') ? `\`\`\`${language}${place}\n${codeOf(place.trim())}\n\`\`\`` : whole,
    );
    writeFileSync(path, text);
  }
  const text = readFileSync(path, 'utf8');
  const blocks = [...text.matchAll(fence)].map(([, language = '', place = '', code = '']) => ({
    language,
    place: place.trim(),
    code: code.trimEnd(),
  }));
  const code = blocks.filter(({ language }) => language === 'ts' || language === 'js' || language === 'html');
  const links = [...text.replace(fence, '').matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = '']) => link);

  it('contains only code from files', () => {
    // Code that no test runs is wrong sooner or later.
    for (const { place, code: shown } of code) {
      expect(place).toMatch(/^\S+\.(ts|mts|js|mjs|html)(#[\w-]+)?$/);
      expect(shown).toBe(codeOf(place));
    }
  });

  it('links to existing files and headings', () => {
    const missing = links.filter((link) => {
      if (/^https?:/.test(link)) return false;
      const [file = '', anchor] = link.split('#');
      const target = file === '' ? path : join(dirname(path), file);
      return !existsSync(target) || (anchor !== undefined && !anchorsOf(target).includes(anchor));
    });
    expect(missing).toStrictEqual([]);
  });
});
