import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { filter, firstValueFrom, take, toArray } from 'rxjs';
import { hostsFromEtcd, type EtcdHostsOptions } from '../../../lib/node/membership/hosts-from-etcd.js';
import { Etcd, etcdMissing } from '../../support/membership/etcd.js';
import { HostLists } from '../../support/membership/host-lists.js';
import { freePort } from '../../support/real-grid.js';

const a = 'http://a:1';
const b = 'http://b:1';
const c = 'http://c:1';
let etcd: Etcd;
let prefix: string;
let tests = 0;
let followers: HostLists[] = [];

function follow(self: string | undefined, options: Partial<EtcdHostsOptions> = {}): HostLists {
  const hosts = new HostLists();
  followers.push(hosts);
  return hosts.subscribe(
    hostsFromEtcd({
      endpoints: etcd.endpoint,
      prefix,
      ttl: 1,
      removeAfter: 0,
      onError: hosts.onError,
      ...(self === undefined ? {} : { self }),
      ...options,
    }),
  );
}

const suite = etcdMissing === undefined ? describe : describe.skip;
if (etcdMissing !== undefined) process.emitWarning(etcdMissing);

suite('hostsFromEtcd', () => {
  beforeAll(async () => {
    etcd = await new Etcd().start();
  });
  beforeEach(() => {
    prefix = `grid-${String(tests++)}/`;
  });
  afterEach(() => {
    for (const hosts of followers) hosts.stop();
    followers = [];
  });
  afterAll(async () => {
    await etcd.close();
  });

  it('registers hosts, and each sees the others arrive and leave', async () => {
    const first = follow(a);
    await first.is(a);
    const second = follow(b);
    await Promise.all([first.is(a, b), second.is(a, b)]);
    second.stop();
    await first.is(a);
    expect(await etcd.keys(prefix)).toStrictEqual([prefix + a]);
  });

  it('watches without registering, with a prefix without a slash', async () => {
    await etcd.client.put(`${prefix}${a}`).value('');
    await etcd.client.put(`${prefix.slice(0, -1)}2/${b}`).value('');
    await follow(undefined, { prefix: prefix.slice(0, -1) }).is(a);
    expect(await etcd.keys(prefix)).toStrictEqual([prefix + a]);
  });

  it('forgets a host whose lease expires', async () => {
    const lease = etcd.client.lease(1, { autoKeepAlive: false });
    await lease.put(prefix + b).value('');
    const hosts = follow(a);
    await hosts.is(a, b);
    await hosts.is(a);
  });

  it('registers again when its lease is revoked, and when its entry is deleted', async () => {
    const hosts = follow(a, { ttl: 2 });
    await follow(undefined).is(a);
    const changes = await etcd.changes(prefix + a);
    await etcd.client.delete().key(prefix + a);
    await firstValueFrom(changes.pipe(filter((each) => each === 'put')));
    const { kvs } = await etcd.client.get(prefix + a).exec();
    await etcd.client.leaseClient.leaseRevoke({ ID: kvs[0]!.lease });
    const all = await firstValueFrom(changes.pipe(take(4), toArray()));
    expect(all).toStrictEqual(['delete', 'put', 'delete', 'put']);
    expect(hosts.lists).toStrictEqual([[a]]);
  });

  it('keeps the last list while etcd is down, and continues with the changes when it is back', async () => {
    const first = follow(a);
    const second = follow(b);
    await Promise.all([first.is(a, b), second.is(a, b)]);
    await etcd.kill();
    expect(await first.problem(/gives no list/)).toMatch(/the last list, of 2 hosts, stays/);
    await etcd.start();
    await etcd.client.put(prefix + c).value('');
    await Promise.all([first.is(a, b, c), second.is(a, b, c)]);
    expect(first.lists.at(-1)).toContain(a);
  });

  it('does not dissolve the cluster when etcd returns without its data', async () => {
    const hosts = [a, b, c].map((self) => follow(self, { removeAfter: 60_000 }));
    await Promise.all(hosts.map((each) => each.is(a, b, c)));
    await etcd.wipe();
    await etcd.start();
    await follow(undefined).is(a, b, c);
    // Nobody was ever removed.
    for (const { lists } of hosts) expect(lists.at(-1)).toStrictEqual([a, b, c]);
    for (const { lists } of hosts) for (const [i, list] of lists.entries()) expect(list.length).toBeGreaterThan(i);
  });

  it('survives a compaction while it is disconnected', async () => {
    const hosts = follow(a);
    await hosts.is(a);
    await etcd.kill();
    await hosts.problem(/gives no list/);
    await etcd.start();
    for (let i = 0; i < 20; i++) await etcd.client.put(`${prefix}noise`).value(String(i));
    await etcd.client.delete().key(`${prefix}noise`);
    await etcd.compact();
    await etcd.client.put(prefix + b).value('');
    await etcd.compact();
    await hosts.is(a, b);
  });

  it('notices what a watch does not report, by periodic reads', async () => {
    const hosts = follow(a, { interval: 50 });
    await hosts.is(a);
    const goOn = etcd.pause();
    await hosts.problem(/DEADLINE|Deadline/);
    goOn();
    await etcd.client.put(prefix + b).value('');
    await hosts.is(a, b);
  });

  it('ignores malformed entries under its prefix, and reports each once', async () => {
    await etcd.client.put(Buffer.concat([Buffer.from(prefix), Buffer.from([0xff, 0xfe, 0x00])])).value('x');
    await etcd.client.put(`${prefix}http://a:1/path`).value('{"');
    await etcd.client.put(`${prefix}\u001b[31mred`).value('x');
    await etcd.client.put(prefix).value('x');
    await etcd.client.put(prefix + b).value(Buffer.alloc(100_000));
    const hosts = follow(a, { interval: 30 });
    await hosts.is(a, b);
    for (let i = 0; i < 5; i++) await etcd.client.put(`${prefix}other`).value(String(i));
    await hosts.problem(/other/);
    expect(hosts.problems).toHaveLength(5);
    // Nothing of it reaches a terminal.
    expect(hosts.problems.join('')).not.toMatch(/[\u0000-\u001f]/);
  });

  it('refuses more entries than the bound, and keeps the last list', async () => {
    const hosts = follow(a, { maxHosts: 2, interval: 50 });
    await hosts.is(a);
    for (const name of [b, c]) await etcd.client.put(prefix + name).value('');
    await hosts.problem(/maxHosts is 2/);
    for (let i = 0; i < 20; i++) await etcd.client.put(`${prefix}garbage-${String(i)}`).value('');
    await hosts.problem(/more than 8 entries/);
    await etcd.client.delete().prefix(`${prefix}garbage`);
    await etcd.client.delete().key(prefix + c);
    await hosts.is(a, b);
  });

  it('starts before etcd does', async () => {
    const late = new Etcd();
    try {
      const hosts = new HostLists();
      followers.push(hosts);
      const port = await freePort();
      late.useClientPort(port);
      hosts.subscribe(
        hostsFromEtcd({
          endpoints: `http://127.0.0.1:${String(port)}`,
          prefix,
          self: a,
          ttl: 1,
          onError: hosts.onError,
        }),
      );
      await hosts.problem(/there is no list yet/);
      await late.start();
      await hosts.is(a);
    } finally {
      for (const hosts of followers) hosts.stop();
      await late.close();
    }
  });

  it('removes its entry at once without subscribers', async () => {
    const hosts = follow(a, { ttl: 3_600 });
    const watcher = follow(undefined);
    await watcher.is(a);
    hosts.stop();
    await watcher.is();
  });
});

describe('the options of hostsFromEtcd', () => {
  const good = { endpoints: 'http://127.0.0.1:2379', prefix: 'grid' };

  it.each([
    [{}, /needs endpoints/],
    [{ ...good, endpoints: [] }, /endpoints must be the addresses of etcd/],
    [{ ...good, endpoints: ['http://a', 'https://b'] }, /all https, or all http/],
    [{ ...good, self: 'http://a:1/' }, /write "http:\/\/a:1"/],
    [{ ...good, ttl: 0 }, /ttl must be a whole number/],
  ])('refuses %j', (options, message) => {
    expect(() => hostsFromEtcd(options as never)).toThrow(message);
  });
});
