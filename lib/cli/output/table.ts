import stringWidth from 'string-width';

/** A column of a table. */
export interface Column {
  readonly title: string;
  /** Numbers stand at the right. */
  readonly right?: boolean;
}

const gap = '  ';
/** A column is not made narrower than this. */
const minWidth = 4;

/**
 * The lines of a table without borders, whose cells are printable. Where it is wider than `columns`, its widest columns are
 * cut; where even that does not fit, each row is a list of `title: cell`.
 */
export function tableLines(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  width: number | undefined,
): string[] {
  const widths = columns.map(({ title }, index) =>
    Math.max(stringWidth(title), ...rows.map((row) => stringWidth(row[index] ?? ''))),
  );
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
