import stringWidth from 'string-width';

/** A column of a table. */
export interface Column {
  readonly title: string;
  /** True: cells are aligned to the right, as numbers are. */
  readonly right?: boolean;
  /** Left out where the table is too wide; of several, the one with the largest number first. Default: never. */
  readonly leaves?: number;
}

const gap = '  ';
/** A column is not made narrower than this. */
const minWidth = 4;
/** A column is made narrower than this only when no other one is left to leave out. */
const readableWidth = 16;

/**
 * The lines of a table without borders, whose cells are printable. Where it is wider than `width`, the columns that may
 * be are left out, and then the widest ones are cut; where even that does not fit, each row is a list of `title: cell`.
 */
export function tableLines(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  width: number | undefined,
): string[] {
  const widths = columns.map(({ title }, index) =>
    rows.reduce((widest, row) => Math.max(widest, stringWidth(row[index] ?? '')), stringWidth(title)),
  );
  const out = width === undefined ? undefined : leftOut(columns, widths, width);
  if (out !== undefined) {
    const without = <T>(cells: readonly T[]): T[] => cells.filter((_, index) => index !== out);
    return tableLines(without(columns), rows.map(without), width);
  }
  if (width !== undefined && !fit(widths, width)) return lists(columns, rows, width);
  const line = (cells: readonly string[]): string =>
    columns
      .map(({ right = false }, index) => padded(cells[index] ?? '', widths[index]!, right))
      .join(gap)
      .trimEnd();
  return [line(columns.map(({ title }) => title)), ...rows.map(line)];
}

/** Cuts a text to so many columns of a terminal. */
export function cut(text: string, width: number): string {
  if (stringWidth(text) <= width) return text;
  let kept = '';
  let used = 0;
  for (const character of text) {
    used += stringWidth(character);
    if (used > width - 1) break;
    kept += character;
  }
  return width > 0 ? `${kept}…` : '';
}

/** The column to leave out; undefined where the table fits, or has none that may be. */
function leftOut(columns: readonly Column[], widths: readonly number[], width: number): number | undefined {
  const needed = widths.reduce((sum, each) => sum + Math.min(each, readableWidth), gap.length * (widths.length - 1));
  if (needed <= width) return undefined;
  const last = columns.reduce((largest, { leaves = 0 }) => Math.max(largest, leaves), 0);
  return last === 0 ? undefined : columns.findIndex(({ leaves }) => leaves === last);
}

// Makes the widest columns narrower. False: there are too many.
function fit(widths: number[], width: number): boolean {
  const gaps = gap.length * (widths.length - 1);
  for (;;) {
    const excess = widths.reduce((sum, each) => sum + each, gaps) - width;
    if (excess <= 0) return true;
    const widest = Math.max(...widths);
    if (widest <= minWidth) return false;
    const next = Math.max(minWidth, ...widths.filter((each) => each < widest));
    const at = widths.indexOf(widest);
    widths[at] = Math.max(widest - excess, Math.min(next, widest - 1));
  }
}

function lists(columns: readonly Column[], rows: readonly (readonly string[])[], width: number): string[] {
  return rows.flatMap((row, index) => [
    ...(index === 0 ? [] : ['']),
    ...columns.map(({ title }, at) => cut(`${title}: ${row[at] ?? ''}`, width)),
  ]);
}

function padded(text: string, width: number, right: boolean): string {
  const shown = cut(text, width);
  const space = ' '.repeat(Math.max(0, width - stringWidth(shown)));
  return right ? space + shown : shown + space;
}
