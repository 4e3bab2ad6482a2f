import { html, svg, type TemplateResult } from 'lit-html';
import type { Marble, RouteCall } from './route-call.js';

const width = 600;
const height = 44;
/** How much time the line shows, in ms. */
const span = 30_000;

/** The last half minute of a call as marbles: what was sent above, what came below, and the end. */
export function marbles(call: RouteCall, now: number): TemplateResult {
  const shown = call.marbles.filter(({ at }) => now - at <= span);
  const title = `The last 30 seconds: ${call.sent} sent, ${call.received} received${call.ended ? ', completed' : ''}${call.error === undefined ? '' : ', failed'}`;
  return html`<svg
    class="marbles"
    viewBox="0 0 ${width} ${height}"
    preserveAspectRatio="none"
    role="img"
    aria-label=${title}
  >
    <title>${title}</title>
    <path class="axis" d="M0 22H${width}" />
    ${shown.map((marble) => shape(marble, width - ((now - marble.at) / span) * width))}
  </svg>`;
}

function shape({ kind }: Marble, x: number): TemplateResult {
  const at = x.toFixed(1);
  switch (kind) {
    case 'sent':
      return svg`<circle class="sent" cx=${at} cy="10" r="4" />`;
    case 'item':
      return svg`<circle class="item" cx=${at} cy="22" r="5" />`;
    case 'end':
      return svg`<path class="end" d="M${at} 8v28" />`;
    case 'error':
      return svg`<path class="error" d="M${(x - 6).toFixed(1)} 14l12 16m0-16-12 16" />`;
  }
}
