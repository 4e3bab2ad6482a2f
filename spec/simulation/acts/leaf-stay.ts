import { Subject } from 'rxjs';
import { LimitError, type GridEvent } from '../../../lib/index.js';
import type { ClusterLeaf } from '../../../lib/testing/index.js';
import { performCalls } from '../burst.js';
import { boundHandlers } from '../handlers.js';
import { passing } from '../interceptors.js';
import { rules } from '../ledger.js';
import { drawOperation, type Operation } from '../operation.js';
import { leafPrefix } from '../reasons.js';
import { sleep } from '../source.js';
import type { World } from '../world.js';
import type { ActSource } from './act.js';

/** A leaf dials a host, makes calls and serves some, renews its token, and goes. Times in virtual ms. */
export interface LeafStay {
  readonly act: 'leaf';
  readonly id: number;
  readonly host: string;
  /** A token is good for so long; 0: for ever. */
  readonly tokenMs: number;
  /** Calls of the leaf to the host, and of the host to the leaf. */
  readonly calls: readonly { readonly at: number; readonly call: Operation }[];
  readonly stays: number;
}

/** Ms in which a leaf is connected, where nothing is in the way. */
const connecting = 3_000;
const mostCalls = 6;
/** Ms after which a leaf that was refused tries again. */
const reconnectAfter = 2_000;

/** Draws the stay of a leaf. */
export function drawLeafStay({ random, hosts, nextId }: ActSource): LeafStay {
  const id = nextId();
  const host = random.pick(hosts);
  const stays = random.pick([200, 3_000, 12_000]);
  const name = `${leafPrefix}${id}`;
  const calls = Array.from({ length: 1 + random.below(mostCalls) }, () => {
    const drawn = drawOperation(random, hosts, nextId());
    const via = random.pick(hosts.filter((each) => each !== host || hosts.length === 1));
    const byHost = random.chance(0.4) && drawn.route !== 'relay';
    const ends = byHost ? { from: host, to: name } : { from: name, to: host };
    return { at: random.below(stays), call: { ...drawn, ...ends, script: { ...drawn.script, via } } };
  });
  // A new token is asked for in the last quarter of the old one, and a slow line holds a second of large items ahead of
  // it (seed 69).
  return { act: 'leaf', id, host, tokenMs: random.pick([0, 8_000, 16_000]), calls, stays };
}

/** What a leaf sends as its token: its name, and how long it is good. */
export function leafToken(name: string, ms: number): string {
  return `${name} ${ms}`;
}

/** A token that no host accepts. */
export const refusedToken = 'refused';

/** The name and the ms of a {@link leafToken}; undefined for that of a hostile peer. */
export function readLeafToken(token: string): { readonly name: string; readonly ms: number } | undefined {
  const [name, ms] = token.split(' ');
  return ms === undefined ? undefined : { name: name!, ms: Number(ms) };
}

/** A leaf comes, stays, and goes. */
export async function performLeafStay(stay: LeafStay, world: World): Promise<void> {
  const { host, stays } = stay;
  const { idleLeaves } = world.ledger.line;
  // A host of another kind does not say when a token expires.
  const tokenMs = world.ledger.areCurrent(host) ? stay.tokenMs : 0;
  const name = `${leafPrefix}${stay.id}`;
  // A host does not know a leaf that has gone because it was idle.
  const calls = idleLeaves ? stay.calls.filter(({ call }) => call.from === name) : stay.calls;
  const { cluster, clock } = world.simulation;
  const began = clock.elapsed;
  const closed = new Subject<GridEvent>();
  const leaf = cluster.leaf(name, host, {
    token: undefined as never,
    getToken: () => leafToken(name, tokenMs),
    handlers: boundHandlers(world.ledger, closed),
    exposeErrors: true,
    ...(world.ledger.line.intercepted ? { intercept: passing } : {}),
  });
  world.watch(leaf.events$, name);
  const isTouched = (): boolean => world.ledger.reasons.touched(name, host, began);
  try {
    const connected = await Promise.race([leaf.ready().then(() => true), sleep(connecting).then(() => false)]);
    if (!connected) {
      if (!isTouched()) world.violate(rules.leaf, `${name} was not connected to ${host} in ${connecting} ms`);
      return;
    }
    world.leaves.set(name, { run: (task) => task(), connection: () => leaf });
    const watching = watchState(leaf, (status) => {
      // Whoever is told to wait for a connection waits until somebody says so.
      if (status === 'refused') setTimeout(leaf.reconnect, reconnectAfter);
      if (!idleLeaves && !isTouched()) world.violate(rules.leaf, `${name} to ${host} was ${status}`);
    });
    await Promise.all([sleep(stays), ...calls.map(({ at, call }) => callAt(at, call, world))]);
    watching.unsubscribe();
  } finally {
    world.leaves.delete(name);
    leaf.close();
    closed.complete();
  }
}

async function callAt(at: number, call: Operation, world: World): Promise<void> {
  await sleep(at);
  await performCalls(call, world).catch((error: unknown) => {
    // The checks of the call have looked at it.
    if (error instanceof LimitError && !world.ledger.line.storm) throw error;
  });
}

function watchState(leaf: ClusterLeaf, lost: (status: string) => void): { unsubscribe(): void } {
  return leaf.state$.subscribe(({ status }) => {
    if (status !== 'connected') lost(status);
  });
}
