// Which statements of some folders of lib the simulation executes: `npm run simulate -- --coverage`. Of the compiler's
// own syntax tree, so no tool maps positions back from a bundle.
import { readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import ts from 'typescript';
import { temporaryFolder } from './temporary-folder.mjs';

/** The folders that the simulation is to cover. */
const folders = ['mux', 'flow', 'connection', 'handlers', 'calls'];
const isMeasured = new RegExp(`/(lib/(?:${folders.join('|')})/.+\\.ts)$`);

/**
 * Counters of one run: {@link StatementCoverage#plugin} puts them into a bundle, whose processes write them when they
 * end.
 */
export class StatementCoverage {
  /** Lines of the statements of each file, in the order of their numbers. */
  #lines = new Map();
  #texts = new Map();
  #folder = temporaryFolder(join(tmpdir(), 'rxgrid-coverage-'));

  /** The text of a source file, with a counter before each statement; undefined for files that are not measured. */
  instrument(path) {
    const file = isMeasured.exec(path)?.[1];
    if (file === undefined) return undefined;
    const text = readFileSync(path, 'utf8');
    const { lines, counted } = countStatements(text, file);
    this.#lines.set(file, lines);
    this.#texts.set(file, text.split('\n'));
    return counted;
  }

  /** What the bundle begins with: the counters, and that they are written at the end of the process. */
  get banner() {
    const folder = JSON.stringify(this.#folder);
    return [
      `import { writeFileSync as __write } from 'node:fs';`,
      `const __statements = {};`,
      `const __at = (file, index) => void ((__statements[file] ??= {})[index] = 1);`,
      `process.on('exit', () => __write(${folder} + '/' + process.pid, JSON.stringify(__statements)));`,
    ].join('\n');
  }

  /** The share of each folder and of all, and the lines of the statements that no process executed. */
  report() {
    const seen = new Map([...this.#lines.keys()].map((file) => [file, new Set()]));
    for (const name of readdirSync(this.#folder)) {
      for (const [file, indexes] of Object.entries(JSON.parse(readFileSync(join(this.#folder, name), 'utf8')))) {
        for (const index of Object.keys(indexes)) seen.get(file).add(Number(index));
      }
    }
    const missed = [];
    const sums = new Map([...folders, 'all'].map((folder) => [folder, { covered: 0, statements: 0 }]));
    for (const file of [...this.#lines.keys()].sort()) {
      const lines = this.#lines.get(file);
      const covered = seen.get(file);
      for (const folder of [file.split('/')[1], 'all']) {
        const sum = sums.get(folder);
        sum.covered += covered.size;
        sum.statements += lines.length;
      }
      lines.forEach((line, index) => {
        if (!covered.has(index)) missed.push(`${file}:${line}  ${this.#texts.get(file)[line - 1].trim()}`);
      });
    }
    const shares = [...sums].map(([folder, { covered, statements }]) => {
      const share = ((100 * covered) / Math.max(1, statements)).toFixed(1);
      return `${folder}: ${covered} of ${statements} statements, ${share} %`;
    });
    return { shares, missed };
  }
}

function countStatements(text, file) {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  const lines = [];
  const insertions = [];
  const count = (node, before, after) => {
    const start = node.getStart(source);
    const index = lines.push(source.getLineAndCharacterOfPosition(start).line + 1) - 1;
    insertions.push({ at: start, text: before(`__at(${JSON.stringify(file)}, ${index})`) });
    if (after !== undefined) insertions.push({ at: node.getEnd(), text: after });
  };
  const visit = (node) => {
    const { parent } = node;
    if (isExecuted(node)) {
      const isListed = ts.isBlock(parent) || ts.isSourceFile(parent) || ts.isCaseOrDefaultClause(parent);
      if (isListed) count(node, (call) => `${call}; `);
      // The body of an `if` or a loop without braces.
      else count(node, (call) => `{ ${call}; `, ' }');
    } else if (ts.isArrowFunction(parent ?? node) && parent.body === node && !ts.isBlock(node)) {
      count(node, (call) => `(${call}, `, ')');
    }
    ts.forEachChild(node, visit);
  };
  ts.forEachChild(source, visit);
  // From the end, so that positions stay; at one position, what was found first stands first.
  let counted = text;
  for (const { at, text: inserted } of insertions
    .map((each, order) => ({ ...each, order }))
    .sort((left, right) => right.at - left.at || right.order - left.order)) {
    counted = counted.slice(0, at) + inserted + counted.slice(at);
  }
  return { lines, counted };
}

/**
 * Statements that do something: no declarations of functions, classes and types, and no blocks, whose statements count.
 */
function isExecuted(node) {
  if (!ts.isStatement(node) || ts.isBlock(node) || ts.isEmptyStatement(node)) return false;
  if (ts.isFunctionDeclaration(node) || ts.isClassDeclaration(node) || ts.isInterfaceDeclaration(node)) return false;
  if (ts.isTypeAliasDeclaration(node) || ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) return false;
  if (ts.isModuleDeclaration(node) || ts.isExportAssignment(node) || ts.isEnumDeclaration(node)) return false;
  // `else if`: the statement of a chain is one place; a label belongs to the loop behind it.
  return !ts.isLabeledStatement(node.parent);
}
