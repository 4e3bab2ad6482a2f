import { minify, parse } from '@swc/core';

/**
 * The text of a module without comments and spaces, and with short names for variables. Functions, classes and properties keep
 * their names, which stack traces and CPU profiles show.
 */
export async function shrink(text, isModule) {
  // esbuild makes expressions of classes, whose names are those of their variables.
  const named = text.replace(/^var (\w+) = class(?= extends | \{)/gm, 'var $1 = class $1');
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

// Node prints the line of an error that nobody caught: it must not be the whole file.
async function inLines(code) {
  const { body } = await parse(code, { syntax: 'ecmascript', target: 'es2022', isModule: false });
  // Spans count on from text to text, in bytes; the text is ASCII, and begins with its first statement.
  const [base] = body.map(({ span }) => span.start);
  const starts = body.map(({ span }) => span.start - base);
  return starts.map((start, index) => code.slice(start, starts[index + 1])).join('\n');
}
