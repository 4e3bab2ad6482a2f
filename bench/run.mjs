// The orchestrator: measures what the arguments name, one cell after the other, and prints tables. It idles while other
// processes work. See docs/performance.md for how to read the results.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { benchOptions } from './options.mjs';
import { judge, lastLine } from './report/gates.mjs';
import { measureGroup } from './report/measure-group.mjs';
import { fillPlaces } from './report/places.mjs';
import { cellTable } from './report/table.mjs';
import { versions } from './report/versions.mjs';

const options = benchOptions();
if (options.list) list();
else process.exitCode = await main();

function list() {
  for (const { name, title, cells = [] } of options.groups) {
    console.log([`${name}: ${title}`, ...cells.map((cell) => `  ${name}/${cell}`)].join('\n'));
  }
}

async function main() {
  const about = `${new Date().toISOString()}; ${versions()}; ${['npm run bench --', ...process.argv.slice(2)].join(' ')}`;
  console.log(about);
  const results = [];
  const sections = new Map();
  for (const group of options.groups) {
    const { cells, notes } = await measureGroup(group, options);
    results.push({ group: group.name, cells });
    if (cells.length === 0) continue;
    console.log(`\n${[`## ${group.title}`, cellTable(cells), ...notes].join('\n\n')}`);
    const toTable = group.markdown ?? cellTable;
    sections.set(group.name, [about, `${group.title}:`, toTable(cells), ...notes].join('\n\n'));
  }
  const cells = results.flatMap((result) => result.cells);
  const line = lastLine(cells);
  const short = cells.filter((cell) => judge(cell) === 'short');
  if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify({ about, results }, null, 1)}\n`);
  if (options.markdown !== undefined) writeMarkdown(options.markdown, sections);
  console.log('');
  if (options.check && short.length > 0) {
    const names = short.map(({ name, against }) => (against === undefined ? name : `${name} against ${against}`));
    console.log(`short of the gate: ${names.join('; ')}`);
  }
  console.log(line);
  return options.check && short.length > 0 ? 1 : 0;
}

function writeMarkdown(file, sections) {
  if (!existsSync(file)) {
    writeFileSync(file, `${[...sections.values()].join('\n\n')}\n`);
    return;
  }
  const text = readFileSync(file, 'utf8');
  for (const name of sections.keys()) {
    if (!text.includes(`<!-- bench ${name} -->`)) console.error(`${file} has no place for ${name}: it was left out.`);
  }
  writeFileSync(file, fillPlaces(text, sections));
}
