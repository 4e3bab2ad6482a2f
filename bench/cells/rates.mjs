// The table of gates: calls and items per second, beside each peer. And the same in processes that hold memory.
import { readFileSync } from 'node:fs';
import { matrix } from '../report/matrix.mjs';
import { median, medianRatio } from '../report/statistics.mjs';
import { measureRates, workloads } from './measure-rates.mjs';
import { ours, startPeers, stopPeers } from './peers.mjs';

const {
  cells,
  peers,
  derived,
  loaded: loadedGates,
} = JSON.parse(readFileSync(new URL('../gates.json', import.meta.url), 'utf8'));

/**
 * What an application may hold. With less than 8 MiB V8 leaves the old generation alone, and with a little more it does
 * not.
 */
const heldMiB = 64;

export const rates = {
  name: 'rates',
  title: 'Rates per second, checksum off: ours / theirs',
  quick: true,
  markdown: matrix,
  cells,
  run: (bench) => measure(bench, 0, (peer, index) => peers[peer].gates[index]),
};

export const loaded = {
  name: 'loaded',
  title: `The same in processes that hold ${heldMiB} MiB, with gates beside raw ws: ours / theirs`,
  markdown: matrix,
  cells,
  run: (bench) => measure(bench, heldMiB, (peer, index) => loadedGates[peer]?.[index] ?? []),
};

/** `gatesOf(peer, index)`: gate and stretch of a cell; empty where it has none. */
async function measure(bench, held, gatesOf) {
  // Null in the table: there is nothing to measure.
  const takes = (peer, cell) => peers[peer].gates[cells.indexOf(cell)] !== null && bench.wants(cell, peer);
  const names = Object.keys(peers).filter((peer) => cells.some((cell) => takes(peer, cell)));
  const pairs = await startPeers(bench, [
    { name: ours, adapter: 'rxgrid', held },
    ...names.map((name) => ({ name, adapter: peers[name].adapter, held })),
  ]);
  try {
    const results = [];
    for (const cell of cells) {
      const taking = pairs.filter(({ name }) => name === ours || takes(name, cell));
      if (taking.length === 1) continue;
      bench.note(cell);
      const measured = await measureRates(bench, workloads[cell], taking);
      for (const name of names) {
        if (measured.has(name)) results.push(...compare(cell, name, gatesOf, measured.get(ours), measured.get(name)));
      }
    }
    return results;
  } finally {
    await stopPeers(pairs);
  }
}

function compare(name, against, gatesOf, own, other) {
  const index = cells.indexOf(name);
  const [ownRates, otherRates] = [own, other].map((results) => results.map(({ rate }) => rate));
  const [gate, stretch] = gatesOf(against, index);
  const cell = { name, against, value: medianRatio(ownRates, otherRates), unit: 'x', gate, stretch };
  return [{ ...cell, details: { ours: median(ownRates), theirs: median(otherRates) } }, ...derive(cell, index)];
}

// A peer that has no adapter here: its share of another peer's rate was measured once. Its aims are no gates.
function derive({ name, against, value }, index) {
  return Object.entries(derived)
    .filter(([, { from, itsShare }]) => from === against && typeof itsShare[index] === 'number')
    .map(([peer, { itsShare }]) => ({
      name,
      against: `${peer} (derived)`,
      value: value / itsShare[index],
      unit: 'x',
    }));
}
