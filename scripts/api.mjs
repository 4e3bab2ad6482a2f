// The public API as it is published: for each entry of the package a file in `api`, made from the declarations in
// `dist/types`, which the build joins into those of the package.
//
//   node scripts/api.mjs            writes the files
//   node scripts/api.mjs --check    fails where they differ: an undeclared change of the public API
//
// Each file lists what the entry exports, and below it what these declarations refer to although no entry exports it.
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const root = fileURLToPath(new URL('..', import.meta.url));
const check = process.argv.includes('--check');
const { exports } = JSON.parse(readFileSync(`${root}package.json`, 'utf8'));
const entries = Object.entries(exports).flatMap(([path, { import: { types } = {} }]) =>
  types === undefined
    ? []
    : [
        {
          name: path === '.' ? 'rxgrid' : `rxgrid-${path.slice(2).replaceAll('/', '-')}`,
          file: root + types.replace('./dist/node/', 'dist/types/'),
        },
      ],
);
const program = ts.createProgram(
  entries.map(({ file }) => file),
  { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.NodeNext, skipLibCheck: true, types: [], noEmit: true },
);
const checker = program.getTypeChecker();
const printer = ts.createPrinter({ removeComments: true, newLine: ts.NewLineKind.LineFeed });

const resolve = (symbol) => (symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol);
const isOurs = (node) => node.getSourceFile().fileName.startsWith(`${root}dist/`);

/** The declarations of a symbol as text; those of variables with their statement. */
function textOf(symbol) {
  return (symbol.declarations ?? [])
    .map((declaration) => (ts.isVariableDeclaration(declaration) ? declaration.parent.parent : declaration))
    .map((node) => printer.printNode(ts.EmitHint.Unspecified, node, node.getSourceFile()))
    .join('\n');
}

/** What the declarations of a symbol refer to, in files of the package. */
function referencesOf(symbol) {
  const found = new Set();
  const visit = (node) => {
    if (ts.isIdentifier(node)) {
      const referred = checker.getSymbolAtLocation(node);
      const target = referred && resolve(referred);
      const isDeclaration = target?.declarations?.some(
        (declaration) =>
          isOurs(declaration) && (ts.isVariableDeclaration(declaration) || ts.isSourceFile(declaration.parent)),
      );
      if (isDeclaration && target !== symbol) found.add(target);
    }
    ts.forEachChild(node, visit);
  };
  for (const declaration of symbol.declarations ?? []) visit(declaration);
  return found;
}

const byName = ([left], [right]) => (left < right ? -1 : left > right ? 1 : 0);

function reportOf({ name, file }) {
  const exported = checker
    .getExportsOfModule(checker.getSymbolAtLocation(program.getSourceFile(file)))
    .map((symbol) => [symbol.name, resolve(symbol)])
    .sort(byName);
  const known = new Set(exported.map(([, symbol]) => symbol));
  const queue = [...known];
  const referred = [];
  for (let symbol = queue.pop(); symbol !== undefined; symbol = queue.pop()) {
    for (const target of referencesOf(symbol)) {
      if (known.has(target)) continue;
      known.add(target);
      queue.push(target);
      referred.push([target.name, target]);
    }
  }
  const list = (symbols) => symbols.map(([as, symbol]) => `// ${as}\n${textOf(symbol)}\n`).join('\n');
  return [
    `// The public API of ${name.replace('-', '/')}. Made by \`npm run api\`: do not edit.`,
    `\n// ${'='.repeat(20)} exported\n`,
    list(exported),
    `// ${'='.repeat(20)} not exported, and referred to\n`,
    list(referred.sort(byName)),
  ].join('\n');
}

const reports = new Map(entries.map((entry) => [`${entry.name}.txt`, reportOf(entry)]));
const folder = `${root}api`;
mkdirSync(folder, { recursive: true });
const present = readdirSync(folder);
const differing = [...reports].filter(
  ([name, text]) => !present.includes(name) || readFileSync(`${folder}/${name}`, 'utf8') !== text,
);
const gone = present.filter((name) => !reports.has(name));
if (check) {
  for (const [name, text] of differing) {
    console.error(`rxgrid: api/${name} is not what dist declares.`);
    const old = new Set(present.includes(name) ? readFileSync(`${folder}/${name}`, 'utf8').split('\n') : []);
    const now = text.split('\n');
    for (const line of now.filter((line) => !old.has(line)).slice(0, 40)) console.error(`  + ${line}`);
    for (const line of [...old].filter((line) => !now.includes(line)).slice(0, 40)) console.error(`  - ${line}`);
  }
  for (const name of gone) console.error(`rxgrid: api/${name} belongs to no entry.`);
  if (differing.length + gone.length > 0) {
    console.error('rxgrid: the public API has changed. Where that is meant, run `npm run build && npm run api`.');
    process.exit(1);
  }
} else {
  for (const [name, text] of differing) writeFileSync(`${folder}/${name}`, text);
  for (const name of gone) rmSync(`${folder}/${name}`);
}
