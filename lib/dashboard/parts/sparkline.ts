import { nothing, svg, type TemplateResult } from 'lit-html';

const width = 120;
const height = 24;

/**
 * Draws values over time as a line, the newest at the right; an undefined value leaves a gap. Screen readers skip it:
 * it adds nothing to the figure beside it.
 */
export function sparkline(
  values: readonly (number | undefined)[],
  length: number,
  { least = 0 }: { readonly least?: number } = {},
): TemplateResult {
  const line = lineOf(values, length, least);
  return svg`<svg class="spark" viewBox="0 0 ${width} ${height}" preserveAspectRatio="none" aria-hidden="true">${
    line === '' ? nothing : svg`<path d=${line} />`
  }</svg>`;
}

interface Line {
  readonly length: number;
  readonly least: number;
  readonly line: string;
}

// Values come less often than the page is drawn.
const lines = new WeakMap<readonly (number | undefined)[], Line>();

function lineOf(values: readonly (number | undefined)[], length: number, least: number): string {
  const kept = lines.get(values);
  if (kept?.length === length && kept.least === least) return kept.line;
  const line = drawLine(values, length, least);
  lines.set(values, { length, least, line });
  return line;
}

function drawLine(values: readonly (number | undefined)[], length: number, least: number): string {
  const known = values.filter((value) => value !== undefined);
  const top = Math.max(least, ...known, 1e-9);
  const step = width / Math.max(1, length - 1);
  const from = length - values.length;
  let line = '';
  let drawn = false;
  values.forEach((value, index) => {
    if (value === undefined) {
      drawn = false;
      return;
    }
    const x = ((from + index) * step).toFixed(1);
    const y = (height - 1.5 - (value / top) * (height - 3)).toFixed(1);
    line += `${drawn ? 'L' : 'M'}${x},${y}`;
    drawn = true;
  });
  return line;
}
