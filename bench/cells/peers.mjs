import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Pair } from '../processes/pair.mjs';

/** Our own side of every comparison. */
export const ours = 'rxgrid';

const ownAdapters = new URL('../adapters/', import.meta.url);

/**
 * The module of an adapter: of this folder, or of the harness folder that `--peers` names; undefined where neither has
 * it.
 */
export function adapterUrl(name, folder) {
  const own = new URL(`${name}.mjs`, ownAdapters);
  if (existsSync(own)) return own.href;
  if (folder === undefined) return undefined;
  const foreign = resolve(folder, 'adapters', `${name}.mjs`);
  return existsSync(foreign) ? pathToFileURL(foreign).href : undefined;
}

/**
 * Starts peers, as `Pair.start` takes them but with the names of their adapters, one after the other. One that has no
 * adapter here, or does not start, is reported and left out; without the first one there is nothing to compare with.
 */
export async function startPeers(bench, peers) {
  const pairs = [];
  const absent = [];
  for (const [index, peer] of peers.entries()) {
    const { name } = peer;
    const url = adapterUrl(peer.adapter, bench.peers);
    if (url === undefined) {
      absent.push(name);
      continue;
    }
    try {
      pairs.push(await Pair.start({ ...peer, adapter: url }));
    } catch (error) {
      if (index === 0) throw error;
      bench.note(`${name}: does not start: ${error.message}`);
    }
  }
  if (absent.length > 0) {
    bench.remark(`Not measured, because only a harness folder (\`--peers\`) has an adapter: ${absent.join(', ')}.`);
  }
  return pairs;
}

export async function stopPeers(pairs) {
  for (const pair of pairs) await pair.stop();
}
