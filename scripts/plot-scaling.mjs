// Draws docs/scaling.svg from docs/scaling.json: what a full mesh costs, measured, and the model of docs/scaling.md.
// `npm run bench -- --only scale --json docs/scaling.json` measures.
import { readFileSync, writeFileSync } from 'node:fs';
import { model, sizes } from './scaling-model.mjs';

const docs = new URL('../docs/', import.meta.url);
const { results } = JSON.parse(readFileSync(new URL('scaling.json', docs), 'utf8'));
const points = results
  .find(({ group }) => group === 'scale')
  .cells.map(({ name, value, details }) => ({ hosts: Number(name.split('-')[1]), ms: value, ...details }));

const panels = [
  {
    title: 'Full mesh after a cold start, all hosts on 2 cores (s)',
    measured: (p) => p.ms / 1_000,
    modelled: (m) => m.startSeconds,
  },
  { title: 'Heap of all hosts (MiB)', measured: (p) => p['heap MiB'], modelled: (m) => m.heapMiB },
  {
    title: 'Keepalive that one host sends (B/s)',
    measured: (p) => p['keepalive B/s/end'] * (p.hosts - 1),
    modelled: (m) => m.keepaliveBytes,
  },
  { title: 'CPU of one idle host (% of a core)', measured: (p) => p['CPU %/host'], modelled: (m) => m.cpuPercent },
];

const [width, height, left, top] = [430, 250, 56, 36];
const [plotWidth, plotHeight] = [width - left - 20, height - top - 40];
const log = Math.log10;

function panel({ title, measured, modelled }, index) {
  const dots = points.map((point) => [point.hosts, measured(point)]);
  const curve = sizes.map((hosts) => [hosts, modelled(model(hosts, points))]);
  const values = [...dots, ...curve].map(([, value]) => value);
  const [low, high] = [Math.floor(log(Math.min(...values))), Math.ceil(log(Math.max(...values)))];
  const x = (hosts) => left + ((log(hosts) - log(2)) / (log(1_400) - log(2))) * plotWidth;
  const y = (value) => top + plotHeight - ((log(value) - low) / (high - low)) * plotHeight;
  const parts = [`<text x="${left}" y="20" class="title">${title}</text>`];
  for (let power = low; power <= high; power++) {
    const at = y(10 ** power);
    const label = power < 0 ? (10 ** power).toFixed(-power) : (10 ** power).toLocaleString('en');
    parts.push(
      `<path d="M${left} ${at}h${plotWidth}" class="grid"/>`,
      `<text x="${left - 6}" y="${at + 4}" text-anchor="end">${label}</text>`,
    );
  }
  for (const hosts of sizes) {
    parts.push(
      `<text x="${x(hosts)}" y="${top + plotHeight + 18}" text-anchor="middle">${hosts.toLocaleString('en')}</text>`,
    );
  }
  parts.push(`<text x="${left + plotWidth / 2}" y="${height - 6}" text-anchor="middle">hosts</text>`);
  const line = curve.map(([hosts, value]) => `${x(hosts).toFixed(1)} ${y(value).toFixed(1)}`).join('L');
  parts.push(`<path d="M${line}" class="model"/>`);
  for (const [hosts, value] of dots)
    parts.push(`<circle cx="${x(hosts).toFixed(1)}" cy="${y(value).toFixed(1)}" r="4.5"/>`);
  return `<g transform="translate(${(index % 2) * width} ${Math.floor(index / 2) * height + 24})">${parts.join('')}</g>`;
}

const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width * 2} ${height * 2 + 24}" font-family="sans-serif" font-size="11" fill="#333">
<style>.title{font-size:13px;font-weight:bold}.grid{stroke:#ddd}.model{stroke:#c50;stroke-width:2;fill:none;stroke-dasharray:6 4}circle{fill:#06c}</style>
<rect width="100%" height="100%" fill="#fff"/>
<circle cx="66" cy="14" r="4.5"/><text x="76" y="18">measured</text><path d="M150 14h40" class="model"/><text x="196" y="18">model</text>
${panels.map(panel).join('\n')}
</svg>
`;
writeFileSync(new URL('scaling.svg', docs), svg);
for (const hosts of sizes) console.log(hosts, JSON.stringify(model(hosts, points)));
