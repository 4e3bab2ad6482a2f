// Draws docs/guide/credit.svg from a run: what a producer has produced and its consumer has finished, with `consume`
// and with `concatMap`. Time is virtual, so each run draws the same.
// `npm run build && node scripts/draw-credit.mjs > docs/guide/credit.svg`
import { consume, duplex, type } from 'rxgrid';
import { gridTest } from 'rxgrid/testing';
import { concatMap, lastValueFrom, map, take, tap, timer } from 'rxjs';

const [window, workMs, latency, items] = [4, 20, 2, 30];
const numbers = duplex({ name: 'numbers', output: type(), outCapacity: window });

/** Consumes `items` items; gives the times, in ms, at which items were produced and finished. */
async function run(operator) {
  const [produced, finished] = [[], []];
  await gridTest(async ({ cluster, clock }) => {
    let start = 0;
    const now = () => clock.elapsed - start;
    const grid = cluster({
      hosts: ['a', 'b'],
      latency,
      setup: (host) => {
        host.handle(numbers, function* () {
          for (let n = 0; n < 2 * items; n++) {
            produced.push(now());
            yield n;
          }
        });
      },
    });
    await grid.connected();
    start = clock.elapsed;
    const work = (n) => timer(workMs).pipe(map(() => n));
    const stream = grid.host('a').connection('b').stream(numbers);
    await lastValueFrom(
      stream.pipe(
        operator(work),
        tap(() => finished.push(now())),
        take(items),
      ),
    );
  });
  return { produced, finished };
}

const [width, height, left, bottom] = [760, 300, 50, 40];
const maxMs = items * (workMs + 1);
const x = (ms) => left + ((width - left - 20) * Math.min(ms, maxMs)) / maxMs;
const y = (n) => height - bottom - ((height - bottom - 20) * n) / (2 * items);
const round = (value) => Math.round(value * 10) / 10;

/** The steps of a count that grows by one at each of these times. */
function steps(times) {
  const points = times.map((ms, n) => `H${round(x(ms))}V${round(y(n + 1))}`).join('');
  return `M${round(x(0))} ${round(y(0))}${points}`;
}

const held = await run(consume);
const lost = await run(concatMap);
const ahead = Math.max(
  ...held.produced.map((at, n) => n + 1 - held.finished.filter((finishedAt) => finishedAt <= at).length),
);
const labels = [0, 200, 400, 600].map(
  (ms) => `<text x="${round(x(ms))}" y="${height - bottom + 18}" text-anchor="middle">${ms} ms</text>`,
);
const counts = [0, 15, 30, 45, 60].map(
  (n) => `<text x="${left - 8}" y="${round(y(n)) + 4}" text-anchor="end">${n}</text>`,
);
console.log(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12">
<title>A producer that could produce at once, and a consumer that takes ${workMs} ms for an item; a window of ${window}</title>
<rect width="${width}" height="${height}" fill="#fff"/>
<path d="M${left} 20V${height - bottom}H${width - 20}" fill="none" stroke="#555"/>
${[...labels, ...counts].join('\n')}
<path d="${steps(lost.produced)}" fill="none" stroke="#c0392b" stroke-width="2"/>
<path d="${steps(held.produced)}" fill="none" stroke="#2471a3" stroke-width="2"/>
<path d="${steps(held.finished)}" fill="none" stroke="#229954" stroke-width="2"/>
<text x="${left + 40}" y="34" fill="#c0392b">produced, with concatMap: everything, at once</text>
<text x="${width - 30}" y="${round(y(items + 10))}" text-anchor="end" fill="#2471a3">produced, with consume: never more than ${ahead} ahead</text>
<text x="${width - 30}" y="${round(y(12))}" text-anchor="end" fill="#229954">finished by the consumer</text>
</svg>`);
