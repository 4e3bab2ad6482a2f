import { describe, expect, it } from '@jest/globals';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

/*
 * The code of the guides is that of files which the tests compile and run. A fence names the file, and a region of it:
 *
 *     ```ts examples/key-value/store.ts#contract
 *
 * and its text is what stands between `// #region contract` and `// #endregion`. To bring the guides up to date:
 * `RXGRID_GUIDE=write npx jest spec/docs`.
 */

const project = resolve(__dirname, '../..');
const guides = join(project, 'docs/guide');
const fence = /^```(\w+)([^\n]*)\n([^]*?)^```$/gm;

/** The lines of a region, without the indent that they share. */
function regionOf(place: string): string {
  const [file = '', name = ''] = place.split('#');
  const path = join(project, file);
  if (!existsSync(path)) throw new Error(`${place}: there is no such file.`);
  const text = readFileSync(path, 'utf8');
  const [, found] = new RegExp(`^[^\\S\\n]*// #region ${name}\\n([^]*?)^[^\\S\\n]*// #endregion`, 'm').exec(text) ?? [];
  if (found === undefined) throw new Error(`${file} has no region ${name}.`);
  const lines = found.split('\n').filter((line) => !/^\s*\/\/ #(end)?region/.test(line));
  const indent = Math.min(...lines.filter((line) => line.trim() !== '').map((line) => line.search(/\S/)));
  return lines
    .map((line) => line.slice(indent))
    .join('\n')
    .trimEnd();
}

describe.each(readdirSync(guides).filter((name) => name.endsWith('.md')))('docs/guide/%s', (name) => {
  const path = join(guides, name);
  if (process.env.RXGRID_GUIDE === 'write') {
    const text = readFileSync(path, 'utf8').replace(fence, (whole, language: string, place: string) =>
      place.includes('#') ? `\`\`\`${language}${place}\n${regionOf(place.trim())}\n\`\`\`` : whole,
    );
    writeFileSync(path, text);
  }
  const blocks = [...readFileSync(path, 'utf8').matchAll(fence)].map(([, language = '', place = '', code = '']) => ({
    language,
    place: place.trim(),
    code: code.trimEnd(),
  }));

  it('has code', () => {
    expect(blocks.length).toBeGreaterThan(0);
  });

  it.each(blocks.filter(({ language }) => language === 'ts' || language === 'js'))('$place', ({ place, code }) => {
    // Code that no test runs is wrong sooner or later.
    expect(place).toMatch(/^\S+\.(ts|mts|js|mjs)#[\w-]+$/);
    expect(code).toBe(regionOf(place));
  });
});
