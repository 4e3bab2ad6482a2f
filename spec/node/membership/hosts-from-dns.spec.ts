import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { hostsFromDns, type DnsHostsOptions } from '../../../lib/node/membership/hosts-from-dns.js';
import { DnsServer } from '../../support/membership/dns-server.js';
import { HostLists } from '../../support/membership/host-lists.js';

const name = 'grid.example';
let server: DnsServer;
let hosts: HostLists;

const follow = (options: DnsHostsOptions = {}): HostLists =>
  hosts.subscribe(
    hostsFromDns(name, {
      servers: [server.address],
      port: 9000,
      interval: 20,
      removeAfter: 0,
      onError: hosts.onError,
      ...options,
    }),
  );

/** Waits until so many more questions were answered. */
async function questions(more: number): Promise<void> {
  const until = server.questions + more;
  while (server.questions < until) await new Promise((resolve) => setImmediate(resolve));
}

beforeEach(async () => {
  server = await new DnsServer().listen();
  hosts = new HostLists();
});

afterEach(async () => {
  hosts.stop();
  await server.close();
});

describe('hostsFromDns', () => {
  it('follows the addresses of a name', async () => {
    server.zones.set(name, { A: ['10.0.0.2', '10.0.0.1'] });
    await follow().is('http://10.0.0.1:9000', 'http://10.0.0.2:9000');
    server.zones.set(name, { A: ['10.0.0.3', '10.0.0.1'] });
    await hosts.is('http://10.0.0.1:9000', 'http://10.0.0.3:9000');
    expect(hosts.lists).toHaveLength(2);
  });

  it('accepts IPv6 addresses', async () => {
    server.zones.set(name, { AAAA: ['fd00::1'] });
    await follow({ type: 'AAAA', scheme: 'https' }).is('https://[fd00::1]:9000');
  });

  it('uses names and ports of SRV records', async () => {
    server.zones.set(name, {
      SRV: [
        ['b.grid.example', 9001],
        ['a.grid.example', 9000],
      ],
    });
    await follow({ type: 'SRV' }).is('http://a.grid.example:9000', 'http://b.grid.example:9001');
  });

  it('emits nothing for answers in another order, or with duplicates', async () => {
    server.zones.set(name, { A: ['10.0.0.1', '10.0.0.2'] });
    await follow().is('http://10.0.0.1:9000', 'http://10.0.0.2:9000');
    server.zones.set(name, { A: ['10.0.0.2', '10.0.0.1', '10.0.0.2'] });
    await questions(3);
    expect(hosts.lists).toHaveLength(1);
  });

  it('keeps the last answer while the name server fails, the name is gone, or the answer is empty', async () => {
    server.zones.set(name, { A: ['10.0.0.1'] });
    await follow().is('http://10.0.0.1:9000');
    server.failing = true;
    expect(await hosts.problem(/ESERVFAIL/)).toMatch(/the last list, of 1 hosts, stays/);
    server.failing = false;
    server.zones.delete(name);
    await hosts.problem(/ENOTFOUND/);
    server.zones.set(name, {});
    await hosts.problem(/ENODATA/);
    await questions(3);
    // Each problem once, however often it was met.
    expect(hosts.problems).toHaveLength(3);
    server.zones.set(name, { A: ['10.0.0.2'] });
    await hosts.is('http://10.0.0.2:9000');
    expect(hosts.lists).toHaveLength(2);
  });

  it('keeps the last answer while no server answers, and continues with the next name server', async () => {
    server.zones.set(name, { A: ['10.0.0.1'] });
    await follow().is('http://10.0.0.1:9000');
    await server.close();
    await hosts.problem(/ECONNREFUSED|ETIMEOUT/);
    expect(hosts.lists).toHaveLength(1);
  });

  it('refuses an answer with a thousand names, which arrives over TCP, and keeps the last one', async () => {
    server.zones.set(name, { A: ['10.0.0.1'] });
    await follow().is('http://10.0.0.1:9000');
    server.zones.set(name, {
      A: Array.from({ length: 1_000 }, (_, i) => `10.1.${String(i >> 8)}.${String(i & 0xff)}`),
    });
    expect(await hosts.problem(/maxHosts/)).toMatch(/1000 hosts, and maxHosts is 256: raise maxHosts/);
    expect(hosts.lists).toHaveLength(1);
  });

  it('accepts a thousand names where configured', async () => {
    server.zones.set(name, {
      A: Array.from({ length: 1_000 }, (_, i) => `10.1.${String(i >> 8)}.${String(i & 0xff)}`),
    });
    follow({ maxHosts: 1_000 });
    await questions(3);
    expect(hosts.lists.map(({ length }) => length)).toStrictEqual([1_000]);
  });

  it('skips targets that are no host names', async () => {
    server.zones.set(name, {
      SRV: [
        ['evil/path', 1],
        ['a.grid.example', 9000],
      ],
    });
    await follow({ type: 'SRV' }).is('http://a.grid.example:9000');
    expect(hosts.problems).toHaveLength(1);
  });

  it('does not remove a host that flaps', async () => {
    server.zones.set(name, { A: ['10.0.0.1', '10.0.0.2'] });
    await follow({ removeAfter: 60_000 }).is('http://10.0.0.1:9000', 'http://10.0.0.2:9000');
    for (let i = 0; i < 5; i++) {
      server.zones.set(name, { A: ['10.0.0.1'] });
      await questions(2);
      server.zones.set(name, { A: ['10.0.0.1', '10.0.0.2'] });
      await questions(2);
    }
    expect(hosts.lists).toHaveLength(1);
  });

  it('sends no more queries without subscribers', async () => {
    server.zones.set(name, { A: ['10.0.0.1'] });
    await follow().is('http://10.0.0.1:9000');
    hosts.stop();
    const before = server.questions;
    const other = new HostLists();
    other.subscribe(hostsFromDns(name, { servers: [server.address], interval: 1_000_000 }));
    await other.is('http://10.0.0.1');
    other.stop();
    expect(server.questions - before).toBeLessThanOrEqual(2);
  });

  it.each([
    [{ type: 'MX' }, /type must be 'A' or 'AAAA' or 'SRV'/],
    [{ settle: 100 }, /has no option settle/],
    [{ interval: 0 }, /interval must be a whole number of ms/],
    [{ servers: ['not an address'] }, /not an address/],
  ])('refuses the options %j', (options, message) => {
    expect(() => hostsFromDns(name, options as never)).toThrow(message);
  });

  it('refuses an invalid name', () => {
    expect(() => hostsFromDns('')).toThrow(/name must be a text that is not empty/);
  });
});
