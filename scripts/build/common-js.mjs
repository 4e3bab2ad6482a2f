import { parse } from '@swc/core';

/**
 * The CommonJS form of an ES module of esbuild, which needs less memory and time than the one that esbuild makes:
 * imports become variables that are read once, and exports properties. esbuild reads an import wherever it is used, and
 * makes a getter of each export, for the sake of exports that are assigned again and of modules that import each other.
 * The first are an error here, and the second do not exist among the files of a build.
 *
 * @param text - ASCII: spans are in bytes.
 */
export async function toCommonJs(text) {
  // Spans count on from text to text, comments before the first statement left out: so there is a statement before them.
  const [{ span: first }, ...body] = (await parse(`;${text}`, { syntax: 'ecmascript', target: 'es2022' })).body;
  const imports = new Map();
  const exported = [];
  const edits = [];
  for (const { type, span, source, specifiers } of body) {
    if (type === 'ImportDeclaration') {
      imports.set(source.value, [...(imports.get(source.value) ?? []), ...specifiers]);
    } else if (type === 'ExportNamedDeclaration' && !source) exported.push(...specifiers);
    else if (/^(Export|TsExport)/.test(type)) throw new Error(`Unexpected: ${text.slice(span.start, span.end)}`);
    else continue;
    edits.push({ ...span, by: '' });
  }
  const assigned = visit(body, edits);
  const again = exported.find(({ orig }) => assigned.has(orig.value));
  if (again !== undefined) throw new Error(`The export ${again.orig.value} is assigned again.`);
  return [
    '"use strict";',
    ...[...imports].map(([name, specifiers]) => requireLine(name, specifiers)),
    edited(text, first.end, edits),
    `module.exports = { ${exported.map(({ orig, exported: as }) => `${(as ?? orig).value}: ${orig.value}`).join(', ')} };`,
    'Object.defineProperty(module.exports, "__esModule", { value: true });',
  ].join('\n');
}

/** The packages of this project export no `default` of their own: theirs is the whole. */
function requireLine(name, specifiers) {
  const call = `require(${JSON.stringify(name)})`;
  const named = specifiers.filter(({ type }) => type === 'ImportSpecifier');
  const wholes = specifiers.filter(({ type }) => type !== 'ImportSpecifier');
  const names = named.map(({ imported, local }) => `${(imported ?? local).value}: ${local.value}`);
  return [
    ...wholes.map(({ local }) => `const ${local.value} = ${call};`),
    ...(names.length > 0 ? [`const { ${names.join(', ')} } = ${call};`] : []),
    ...(specifiers.length === 0 ? [`${call};`] : []),
  ].join('\n');
}

/**
 * Turns each `import()` into a `require`, and `requireNow(import())` (later.mjs) into one that does not wait. Gives the
 * names of the variables that are assigned again.
 */
function visit(body, edits) {
  const assigned = new Set();
  const addNames = (target) => {
    if (typeof target !== 'object' || target === null || target.type === 'MemberExpression') return;
    if (target.type === 'Identifier') assigned.add(target.value);
    else Object.values(target).forEach(addNames);
  };
  const into = (node) => {
    if (typeof node !== 'object' || node === null) return;
    if (node.type === 'AssignmentExpression') addNames(node.left);
    if (node.type === 'UpdateExpression') addNames(node.argument);
    const now = importOf(node.arguments?.[0]?.expression);
    const name = importOf(node);
    if (node.callee?.value === 'requireNow' && now !== undefined) {
      edits.push({ ...node.span, by: `require(${JSON.stringify(now)})` });
      return;
    }
    // jest runs CommonJS, and has no import() there.
    if (name !== undefined) edits.push({ ...node.span, by: `Promise.resolve().then(() => ${importedFrom(name)})` });
    Object.values(node).forEach(into);
  };
  into(body);
  return assigned;
}

/** What `import()` gives. The other files of the build are modules, and packages are CommonJS, which is the `default`. */
function importedFrom(name) {
  const call = `require(${JSON.stringify(name)})`;
  return name.startsWith('.') ? call : `((whole) => ({ ...whole, default: whole }))(${call})`;
}

/** The name of the module in an `import()`. */
function importOf(node) {
  if (node?.type !== 'CallExpression' || node.callee.type !== 'Import') return undefined;
  const { type, value } = node.arguments[0].expression;
  if (type !== 'StringLiteral') throw new Error('An import() of a name that is not known.');
  return value;
}

function edited(text, base, edits) {
  let result = '';
  let from = 0;
  for (const { start, end, by } of edits.sort((one, other) => one.start - other.start)) {
    result += text.slice(from, start - base) + by;
    from = end - base;
  }
  return result + text.slice(from);
}
