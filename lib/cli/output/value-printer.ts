import { toJson, type Json } from './json-value.js';
import { cellText, jsonText, print, terminalColumns, write, yamlText, type OutputFormat } from './output.js';
import { cut, tableLines } from './table.js';

/** Prints values of the host, one after the other, at the pace of the reader. */
export class ValuePrinter {
  readonly #format: OutputFormat | 'raw';
  readonly #many: boolean;
  // Of a table of many: the columns of its first row.
  #columns: readonly string[] | undefined = undefined;
  #widths: readonly number[] = [];

  /** `many`: the values are items of a stream, each a line of JSON, a document of YAML or a row. */
  constructor(format: OutputFormat | 'raw', many: boolean) {
    this.#format = format;
    this.#many = many;
  }

  async print(value: unknown): Promise<void> {
    if (this.#format === 'raw') {
      if (value instanceof Uint8Array) await write(value);
      return;
    }
    // A route without a response has nothing to print.
    if (value === undefined && !this.#many) return;
    if (this.#format === 'table') {
      await (this.#many ? this.#row(value) : this.#table(value));
      return;
    }
    const json = toJson(value);
    if (this.#format === 'yaml') await write(`${this.#many ? '---\n' : ''}${await yamlText(json)}`);
    else await write(`${jsonText(json, this.#many ? undefined : 2)}\n`);
  }

  async #table(value: unknown): Promise<void> {
    const width = terminalColumns();
    const rows = Array.isArray(value) ? value.map((each: unknown) => toJson(each)) : undefined;
    const keys = rows === undefined ? [] : [...new Set(rows.flatMap(keysOf))];
    const lines =
      rows !== undefined && rows.length > 0 && rows.every(isMap)
        ? tableLines(
            keys.map((key) => ({ title: cellText(key).toUpperCase() })),
            rows.map((row) => keys.map((key) => cellText(row[key]))),
            width,
          )
        : linesOf(toJson(value), width);
    for (const line of lines) await write(`${line}\n`);
  }

  async #row(value: unknown): Promise<void> {
    const json = toJson(value);
    if (!isMap(json)) {
      await print(cellText(json));
      return;
    }
    const isFirst = this.#columns === undefined;
    const keys = (this.#columns ??= Object.keys(json));
    const cells = keys.map((key) => cellText(json[key]));
    const titles = keys.map((key) => cellText(key).toUpperCase());
    if (isFirst) this.#widths = cells.map((cell, index) => Math.max(cell.length, titles[index]!.length, 10));
    const width = terminalColumns();
    const line = (texts: readonly string[]): string => {
      const text = texts
        .map((each, index) => each.padEnd(this.#widths[index]!))
        .join('  ')
        .trimEnd();
      return width === undefined ? text : cut(text, width);
    };
    if (isFirst) await write(`${line(titles)}\n`);
    await write(`${line(cells)}\n`);
  }
}

function linesOf(json: Json, width: number | undefined): string[] {
  if (!isMap(json)) return Array.isArray(json) ? json.map(cellText) : [cellText(json)];
  return tableLines(
    [{ title: 'KEY' }, { title: 'VALUE' }],
    Object.entries(json).map(([key, each]) => [cellText(key), cellText(each)]),
    width,
  );
}

function isMap(json: Json): json is Readonly<Record<string, Json>> {
  return typeof json === 'object' && json !== null && !Array.isArray(json);
}

function keysOf(json: Json): string[] {
  return isMap(json) ? Object.keys(json) : [];
}
