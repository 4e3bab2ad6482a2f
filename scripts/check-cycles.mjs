// Fails where files of lib import each other in a circle. Imports of types alone do not count: nothing of them is left
// when the program runs. A script because the lint rule for it (import/no-cycle) resolves every import again for each
// file.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const root = fileURLToPath(new URL('..', import.meta.url));
const files = readdirSync(`${root}lib`, { recursive: true })
  .filter((name) => name.endsWith('.ts'))
  .map((name) => join('lib', name));

const isTypeOnly = (statement) =>
  ts.isImportDeclaration(statement) ? statement.importClause?.isTypeOnly === true : statement.isTypeOnly;

/** The files that a file loads. */
function importsOf(file) {
  const source = ts.createSourceFile(file, readFileSync(root + file, 'utf8'), ts.ScriptTarget.ES2022);
  return source.statements
    .filter((statement) => ts.isImportDeclaration(statement) || ts.isExportDeclaration(statement))
    .filter((statement) => statement.moduleSpecifier !== undefined && !isTypeOnly(statement))
    .map((statement) => statement.moduleSpecifier.text)
    .filter((path) => path.startsWith('.'))
    .map((path) => normalize(join(dirname(file), path)).replace(/\.js$/, '.ts'));
}

const graph = new Map(files.map((file) => [file, importsOf(file)]));

/** One circle through each file that stands in one: depth first, and `path` is the way to where the search is. */
function findCycle() {
  const done = new Set();
  const path = [];
  const visit = (file) => {
    const at = path.indexOf(file);
    if (at !== -1) return [...path.slice(at), file];
    if (done.has(file)) return undefined;
    path.push(file);
    for (const next of graph.get(file) ?? []) {
      const cycle = visit(next);
      if (cycle !== undefined) return cycle;
    }
    path.pop();
    done.add(file);
    return undefined;
  };
  for (const file of files) {
    const cycle = visit(file);
    if (cycle !== undefined) return cycle;
  }
  return undefined;
}

const cycle = findCycle();
if (cycle !== undefined) {
  console.error(`rxgrid: files import each other in a circle:\n  ${cycle.join('\n  imports ')}`);
  console.error('Move what both need into a file of its own, or import it as a type.');
  process.exit(1);
}
