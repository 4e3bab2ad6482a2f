// 1 024 muxes put in, looked up and taken out: the table of slots, against a Map.
import { MuxTable } from '../../dist/esm/mux/mux-table.js';

const muxes = 1_024;

export function create() {
  let nextId = 1;
  const cycle = (put, get, take) => {
    const first = nextId;
    nextId += muxes;
    let found = 0;
    for (let id = first; id < nextId; id++) put({ id });
    for (let id = first; id < nextId; id++) if (get(id)?.id === id) found++;
    for (let id = first; id < nextId; id++) take(id);
    return found;
  };
  const table = new MuxTable();
  const map = new Map();
  const ours = () =>
    cycle(
      (entry) => table.add(entry),
      (id) => table.get(id),
      (id) => table.delete(id),
    );
  const plain = () =>
    cycle(
      (entry) => map.set(entry.id, entry),
      (id) => map.get(id),
      (id) => map.delete(id),
    );
  return { operations: muxes, ours, plain, compare: () => [ours(), plain()] };
}
