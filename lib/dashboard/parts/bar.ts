import { html, type TemplateResult } from 'lit-html';

/** A bar of a part of a whole, with a title. */
export function bar(part: number, whole: number, title: string, className = ''): TemplateResult {
  const share = whole > 0 ? Math.min(100, Math.max(0, (100 * part) / whole)) : 0;
  return html`<svg
    class=${`bar ${className}`}
    viewBox="0 0 100 8"
    preserveAspectRatio="none"
    role="img"
    aria-label=${title}
  >
    <title>${title}</title>
    <rect class="whole" width="100" height="8" />
    <rect class="part" width=${share.toFixed(1)} height="8" />
  </svg>`;
}
