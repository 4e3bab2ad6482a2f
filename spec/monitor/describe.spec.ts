import { describe, expect, it } from '@jest/globals';
import { firstValueFrom, NEVER } from 'rxjs';
import { z } from 'zod';
import { raw, type } from '../../lib/codec/codec.js';
import { duplex, unary } from '../../lib/contract/contract.js';
import type { Manager } from '../../lib/endpoint/manager.js';
import { describe as describeHost, monitor, serveMonitor, type GridDescription } from '../../lib/monitor/index.js';
import { gridTest } from '../../lib/testing/index.js';

const query = z.object({ disk: z.number(), deep: z.boolean().optional() });
const schemaOfQuery = {
  type: 'object',
  properties: { disk: { type: 'number' }, deep: { type: 'boolean' } },
  required: ['disk'],
};

function described(register: (manager: Manager) => void): Promise<GridDescription> {
  let local: GridDescription | undefined;
  return gridTest(async ({ cluster }) => {
    const grid = cluster({ hosts: 2, setup: (manager) => serveMonitor(manager) });
    register(grid.host('b').manager);
    await grid.connected();
    local = describeHost(grid.host('b').manager);
    // What another host is told is what the host says of itself.
    expect(await firstValueFrom(monitor(grid.host('a').connection('b')).description$)).toStrictEqual(local);
  }).then(() => local!);
}

describe('the description of a host', () => {
  it('names its routes with kinds, addresses, windows and schemas; not those of the monitor itself', async () => {
    const description = await described((grid) => {
      grid.handle(unary({ id: 9, name: 'info', request: query, response: type<number>(), idempotent: true }), () => 1);
      grid.handle(duplex({ name: 'watch', subroute: 'disk1', output: raw, outCapacity: 4 }), () => NEVER);
      grid.handle(duplex({ id: 3, name: 'put', input: query, output: query, inCapacity: 2 }), () => NEVER);
      grid.handle(unary({ name: 'ping' }), () => undefined);
      grid.handleRaw({ id: 7, subroute: 'x', kind: 'unary', handle: (bytes) => bytes });
    });
    expect(description).toMatchObject({ host: 'http://b', paths: ['/minio/grid/v1'] });
    const [info, watch, put, ping, bytes, ...more] = description.routes;
    expect(more).toStrictEqual([]);
    expect(info).toMatchObject({
      ...{ name: 'info', kind: 'unary', id: 9, idempotent: true },
      request: { codec: 'msgpack', schema: schemaOfQuery },
      response: { codec: 'msgpack' },
    });
    expect(info).not.toHaveProperty('outWindow');
    expect(watch).toStrictEqual({
      ...{ name: 'watch/disk1', kind: 'duplex', subroute: 'disk1', idempotent: false },
      output: { codec: 'raw' },
      outWindow: { initial: 4, max: 4, maxBytes: 8 << 20 },
    });
    expect(put).toMatchObject({
      ...{ name: 'put', id: 3, input: { schema: schemaOfQuery }, output: { schema: schemaOfQuery } },
      inWindow: { initial: 2 },
      outWindow: { initial: 16, max: 16_384 },
    });
    expect(ping).toStrictEqual({ name: 'ping', kind: 'unary', idempotent: false });
    expect(bytes).toMatchObject({ name: 'handler 7/x', id: 7, request: { codec: 'raw' }, response: { codec: 'raw' } });
  });

  it('has the schema of the sent value: the input of a schema that transforms', async () => {
    const transformed = z.object({ at: z.string().transform((text) => new Date(text)) });
    const description = await described((grid) => {
      grid.handle(unary({ name: 'at', request: transformed }), () => undefined);
    });
    expect(description.routes[0]!.request!.schema).toMatchObject({ properties: { at: { type: 'string' } } });
  });

  it('omits a schema that JSON Schema cannot express, or whose library throws', async () => {
    const throwing = {
      '~standard': {
        version: 1,
        vendor: 'x',
        validate: (value: unknown) => ({ value }),
        jsonSchema: {
          input() {
            throw new Error('no');
          },
        },
      },
    } as const;
    const description = await described((grid) => {
      grid.handle(unary({ name: 'bigint', request: z.object({ x: z.bigint() }) }), () => undefined);
      grid.handle(unary({ name: 'throwing', request: throwing }), () => undefined);
    });
    expect(description.routes.map(({ request }) => request)).toStrictEqual([
      { codec: 'msgpack' },
      { codec: 'msgpack' },
    ]);
  });

  it('is bounded by one response: schemas beyond the bound are omitted', async () => {
    const large = z.object(
      Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`${'x'.repeat(1_000)}${i}`, z.string()])),
    );
    const description = await described((grid) => {
      for (let i = 0; i < 5; i++) grid.handle(unary({ name: `route${i}`, request: large }), () => undefined);
    });
    expect(description.routes).toHaveLength(5);
    expect(description.routes.map(({ request }) => request!.schema !== undefined)).toStrictEqual([
      ...[true, false, false, false, false],
    ]);
  });

  it('has printable names', async () => {
    const description = await described((grid) => {
      grid.handle(unary({ name: '\u001b[2J<img onerror=x>\u202e' }), () => undefined);
    });
    expect(description.routes[0]!.name).toBe('\\u001b[2J<img onerror=x>\\u202e');
  });
});
