import { InvalidArgumentError, Option, type Command } from 'commander';
import { printable } from '../../printable.js';
import { OutputLost } from '../exit/output-lost.js';
import { toJson, type Json } from './json-value.js';

/** How results are printed. */
export type OutputFormat = 'json' | 'yaml' | 'table';

/** Longest text in a cell of a table, and of a field of an event. A peer may send megabytes. */
export const maxCellLength = 1_000;
/** Longest line of a text: enough for two long paths and a message. */
export const maxLineLength = 10_000;

/** Gives a command the option of its format. */
export function describeOutput(command: Command, standard: OutputFormat): Command {
  return command.addOption(
    new Option('-o, --output <format>', 'how the result is printed')
      .choices(['json', 'yaml', 'table'])
      .default(standard),
  );
}

/** Writes to standard output at the pace of its reader. Errors: OutputLost, for instance where the reader is gone. */
export function write(data: string | Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    process.stdout.write(data, (error) => {
      if (error === null || error === undefined) resolve();
      else reject(new OutputLost(error));
    });
  });
}

/** Writes a line, made printable. */
export function print(line: string): Promise<void> {
  return write(`${printable(line, maxLineLength)}\n`);
}

/** Writes a note for people to standard error. */
export function note(text: string): void {
  process.stderr.write(`rxgrid: ${printable(text, maxLineLength)}\n`);
}

/** Columns of the terminal; undefined where standard output is none, and nothing is to be cut. */
export function terminalColumns(): number | undefined {
  const { isTTY, columns } = process.stdout as { readonly isTTY?: boolean; readonly columns?: number };
  return isTTY === true && columns !== undefined && columns > 0 ? columns : undefined;
}

/** True where escape sequences of colour may be written to standard output. */
export function hasColor(env: NodeJS.ProcessEnv = process.env): boolean {
  const { NO_COLOR: none } = env;
  return process.stdout.isTTY && (none === undefined || none === '') && env.TERM !== 'dumb';
}

/** JSON that is safe to print on a terminal: control characters and bidirectional marks are escaped. */
export function jsonText(value: Json, indent?: number): string {
  return JSON.stringify(value, undefined, indent).replace(/[\u007f-\uffff]+/g, escapeRun);
}

/** A document of YAML that is safe to print on a terminal, as {@link jsonText} is. */
export async function yamlText(value: Json): Promise<string> {
  const { Document, visit } = await import('yaml');
  const document = new Document(value, { aliasDuplicateObjects: false });
  visit(document, {
    Scalar: (_, scalar) => {
      // Only texts in double quotes can have escapes.
      if (typeof scalar.value === 'string' && /[^\n\t\u0020-\u007e]/.test(scalar.value)) scalar.type = 'QUOTE_DOUBLE';
    },
  });
  return document.toString({ lineWidth: 0 }).replace(/[\u007f-\uffff]+/g, escapeRun);
}

/** A value in a cell, or in a line: texts as they are, all others as JSON. */
export function cellText(value: unknown): string {
  if (value === undefined || value === null) return '';
  if (typeof value === 'string') return printable(value, maxCellLength);
  const json = toJson(value);
  return printable(typeof json === 'object' ? jsonText(json) : String(json), maxCellLength);
}

/** The largest number to which one can be added exactly. */
const unlimited = Number.MAX_SAFE_INTEGER - 1;

/** Reads a whole number of an option. `max`: by default any number to which one can be added. */
export function wholeNumber(min: number, max = unlimited): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= min && value <= max) return value;
    const range = max === unlimited ? `, ${String(min)} or more` : ` from ${String(min)} to ${String(max)}`;
    throw new InvalidArgumentError(`Give a whole number${range}.`);
  };
}

function escapeRun(run: string): string {
  let text = '';
  for (const character of run) text += printable(character) === character ? character : escapeUnits(character);
  return text;
}

// JSON escapes a code point beyond 16 bits as two surrogates.
function escapeUnits(character: string): string {
  return [...Array(character.length).keys()]
    .map((at) => `\\u${character.charCodeAt(at).toString(16).padStart(4, '0')}`)
    .join('');
}
