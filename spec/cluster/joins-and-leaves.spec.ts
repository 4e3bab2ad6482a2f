import { afterEach, describe, expect, it } from '@jest/globals';
import { BehaviorSubject, map } from 'rxjs';
import { type, unary, type Manager } from '../../lib/index.js';
import { LinkedManagers, record } from '../support/linked-managers.js';

const work = unary({ id: 20, name: 'work', request: type<number>(), response: type<string>() });
const [a, b, c, d] = ['http://a:1', 'http://b:1', 'http://c:1', 'http://d:1'] as const;
let grid: LinkedManagers;

afterEach(() => grid.close());

describe('a cluster whose hosts join and leave while calls run', () => {
  it('answers each call once, and runs none twice', async () => {
    grid = new LinkedManagers();
    const lists = new BehaviorSubject<string[]>([a, b, c]);
    const runs = new Map<number, string[]>();
    const add = (name: string): Manager => {
      const manager = grid.add(name, [], { hosts: lists });
      manager.handle(work, (call) => {
        runs.set(call, [...(runs.get(call) ?? []), name]);
        return grid.timer(5 + (call % 40)).pipe(map(() => name));
      });
      return manager;
    };
    for (const name of [a, b, c]) add(name);
    await grid.start();
    const caller = grid.managers.get(a)!;
    const logs: unknown[][] = [];
    const load = async (turns: number): Promise<void> => {
      for (let i = 0; i < turns; i++) {
        for (let n = 0; n < 5; n++) logs.push(record(caller.anyHost(work, logs.length)).log);
        await grid.advance(10);
      }
    };
    await load(20);
    // One joins,
    await add(d).start();
    lists.next([a, b, c, d]);
    await load(250);
    // one is removed from the list, one drains and comes back, and one flaps.
    lists.next([a, c, d]);
    await load(20);
    const drained = grid.managers.get(c)!.drain();
    await load(20);
    expect(await drained).toStrictEqual({ interrupted: 0 });
    await add(c).start();
    await load(250);
    for (let i = 0; i < 5; i++) {
      lists.next([a, c]);
      lists.next([a, c, d]);
      await load(2);
    }
    await grid.advance(1_000, 10);
    const answers = logs.map((log) => log[0]);
    expect(logs.filter((log) => log.length !== 2 || log[1] !== 'done')).toStrictEqual([]);
    expect(runs.size).toBe(logs.length);
    expect([...runs.values()].filter((hosts) => hosts.length !== 1)).toStrictEqual([]);
    // All had a part in it; who was removed had none after that.
    expect(new Set(answers)).toStrictEqual(new Set([a, b, c, d]));
    expect(answers.slice(-1_000)).not.toContain(b);
  });
});
