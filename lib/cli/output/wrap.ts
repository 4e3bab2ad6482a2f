/** Lines of prose are no longer than this in a wide terminal. */
const widestProse = 120;

/**
 * Breaks the lines of a help text between words, so that a terminal of `columns` does not break them within one. Lines
 * that follow each other are one paragraph; an indented line, or one with a heading (`Keys: …`), begins another.
 */
export function wrapped(text: string, columns: number): string {
  const paragraphs: string[] = [];
  for (const line of text.split('\n')) {
    const last = paragraphs.at(-1);
    const continues = last !== undefined && /^\S/.test(last) && /^\S/.test(line) && !/^[A-Z][\w ]*:/.test(line);
    if (continues) paragraphs[paragraphs.length - 1] = `${last} ${line}`;
    else paragraphs.push(line);
  }
  return paragraphs
    .flatMap((line) => broken(line, line.startsWith(' ') ? columns : Math.min(columns, widestProse)))
    .join('\n');
}

function broken(line: string, width: number): string[] {
  if (line.length <= width) return [line];
  const indent = ' '.repeat(Math.min(line.search(/\S/), Math.floor(width / 2)));
  const lines: string[] = [];
  let rest = line.trimStart();
  while (indent.length + rest.length > width) {
    const space = rest.lastIndexOf(' ', width - indent.length);
    // A word that is longer than a line is left to the terminal.
    const end = space > 0 ? space : rest.indexOf(' ');
    if (end <= 0) break;
    lines.push(`${indent}${rest.slice(0, end)}`);
    rest = rest.slice(end + 1).trimStart();
  }
  return [...lines, `${indent}${rest}`];
}
