// #region operations
import { firstValueFrom } from 'rxjs';
import type { Handles } from 'rxgrid';
import { linearizable, noLostUpdate, type Model, type SimulationOptions } from 'rxgrid/testing';
import { append, Disk, read, serveStore } from './store.js';

/** What the hosts do: plain data, so that a plan can be printed, cut and repeated. */
export type Operation =
  | { readonly kind: 'append'; readonly from: string; readonly to: string; readonly key: string; readonly item: number }
  | { readonly kind: 'read'; readonly from: string; readonly to: string; readonly key: string };
// #endregion

// #region model
/** The service as one object that does one operation at a time: a list for each key. */
const lists: Model<Operation, readonly number[], readonly number[]> = {
  initial: () => [],
  part: ({ key }) => key,
  step: (list, operation, outcome) => {
    const next = operation.kind === 'append' ? [...list, operation.item] : list;
    // An operation whose answer was lost may have returned anything.
    return outcome === undefined || String(outcome.result) === String(next) ? { state: next } : undefined;
  },
};
// #endregion

// #region simulation
/** Five hosts, 80 operations in 5 s, and faults. `serve` registers the handlers of the service. */
export function storeSimulation(serve: (host: Handles, disk: Disk) => void = serveStore): SimulationOptions<Operation> {
  const disks = new Map<string, Disk>();
  return {
    hosts: ['a', 'b', 'c', 'd', 'e'],
    steps: 80,
    duration: 5_000,
    workload: () => {
      // Called for each run, so that no run sees the disks of another.
      disks.clear();
      let items = 0;
      return {
        setup: (manager, name) => {
          const disk = disks.get(name) ?? new Disk();
          disks.set(name, disk);
          serve(manager, disk);
        },
        draw: (random, hosts) => {
          const to = random.pick(hosts);
          const common = { from: random.pick(hosts), to, key: `${to}${random.below(2)}` };
          return random.chance(0.3) ? { kind: 'read', ...common } : { kind: 'append', ...common, item: ++items };
        },
        perform: (operation, { cluster }) => {
          const { from, to, key } = operation;
          const connection = cluster.host(from).connection(to);
          return firstValueFrom(
            operation.kind === 'read'
              ? connection.request(read, key, { timeout: 3_000 })
              : connection.request(append, { key, item: operation.item }, { timeout: 3_000 }),
          );
        },
      };
    },
    invariants: [
      linearizable(lists),
      noLostUpdate<Operation>({
        update: (operation) => (operation.kind === 'append' ? operation.item : undefined),
        present: () => [...disks.values()].flatMap((disk) => disk.items()),
      }),
    ],
  };
}
// #endregion
