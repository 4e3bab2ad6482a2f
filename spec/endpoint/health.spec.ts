import { expect, it } from '@jest/globals';
import { Subject } from 'rxjs';
import { staticToken } from '../../lib/endpoint/accept/auth.js';
import { Manager } from '../../lib/endpoint/manager.js';
import type { ReadyQuorum } from '../../lib/endpoint/health.js';
import { gridTest } from '../../lib/testing/index.js';

const local = 'http://a';

it.each<[ReadyQuorum | undefined, string[]]>([
  ['majority', ['starting', 'starting', 'ready']],
  // Without a quorum a host is ready as soon as it runs, whatever hosts there are.
  [undefined, ['starting', 'ready', 'ready']],
])('with the quorum %p and a list that comes later, a host that has started is %p', (readyQuorum, expected) =>
  gridTest(async ({ clock }) => {
    const hosts = new Subject<readonly string[]>();
    const manager = new Manager({
      ...{ local, hosts, auth: staticToken('x'), runtime: clock },
      ...(readyQuorum !== undefined && { readyQuorum }),
    });
    const seen: string[] = [];
    let reason: string | undefined;
    manager.health$.subscribe((health) => ({ reason } = health));
    const look = (): void => {
      manager.health$.subscribe(({ status }) => seen.push(status)).unsubscribe();
    };
    look();
    await manager.start();
    look();
    if (readyQuorum === 'majority') expect(reason).toContain('waits for the first list of hosts');
    // A cluster of one is its own majority, once it is known to be one.
    hosts.next([local]);
    look();
    expect(seen).toStrictEqual(expected);
    await manager.close();
  }),
);
