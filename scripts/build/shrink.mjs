import { minify, parse } from '@swc/core';

/**
 * The text of a module without comments and spaces, and with short names for variables. Functions,
 * classes and properties keep their names, which stack traces and CPU profiles show.
 */
export async function shrink(text, isModule) {
  // esbuild makes expressions of classes, whose names are those of their variables.
  const named = text.replace(/(^var |, )(\w+) = class(?= extends | \{)/gm, '$1$2 = class $2');
  const kept = { keep_classnames: true, keep_fnames: true };
  const { code } = await minify(named, {
    compress: false,
    mangle: { ...kept, keep_private_props: true, toplevel: true },
    module: isModule,
    ecma: 2022,
    // V8 keeps the text of a module with one byte a character, and with two where one character needs it.
    format: { asciiOnly: true },
  });
  // The ES modules are small beside the CommonJS that they import.
  return `${isModule ? code : await inLines(code)}\n`;
}

// Where it may, a line ends before it is as long as this.
const lineLength = 500;

// Node prints the line of code that threw an error that nobody caught, unless the line has these words. The message of
// the error, and the stack, say what is wrong in the code of the user; a line without spaces and names would only hide
// them.
const hidden = '//node-do-not-add-exception-line';
const makesErrors = /\bthrow\b|\bnew \w+\(/;

// Node may print any other line as well: it must neither be the whole file nor a whole class.
async function inLines(code) {
  const { body } = await parse(code, { syntax: 'ecmascript', target: 'es2022', isModule: false });
  // Spans count on from text to text, in bytes; the text is ASCII, and begins with its first statement.
  const base = body[0]?.span.start ?? 0;
  const statements = new Set(body.map(({ span }) => span.start - base));
  const starts = [...new Set([...statements, ...startsWithin(body).map((start) => start - base)])];
  starts.sort((one, other) => one - other);
  let text = '';
  let from = 0;
  for (const [index, start] of starts.entries()) {
    const end = starts[index + 1] ?? code.length;
    if (start === from || (!statements.has(start) && end - from <= lineLength)) continue;
    text += endedLine(code.slice(from, start));
    from = start;
  }
  return text + endedLine(code.slice(from)).trimEnd();
}

function endedLine(line) {
  return `${line}${makesErrors.test(line) ? hidden : ''}\n`;
}

// Before a member of a class, and before a statement of a block or function, a new line changes nothing.
function startsWithin(node) {
  if (Array.isArray(node)) return node.flatMap(startsWithin);
  if (typeof node !== 'object' || node === null) return [];
  const parts = node.stmts ?? (/^Class(Declaration|Expression)$/.test(node.type) ? node.body : []);
  return [
    ...parts.flatMap(({ span }) => (span === undefined ? [] : [span.start])),
    ...Object.values(node).flatMap(startsWithin),
  ];
}
