import { describe, expect, it } from '@jest/globals';
import { Parser } from '@asyncapi/parser';
import { NEVER } from 'rxjs';
import { z } from 'zod';
import { raw, type } from '../../lib/codec/codec.js';
import { duplex, unary } from '../../lib/contract/contract.js';
import { asyncApi, describe as describeHost, type GridDescription } from '../../lib/monitor/index.js';
import { gridTest } from '../../lib/testing/index.js';

const parser = new Parser();

/** What the official parser finds wrong with a document; hints do not count. */
async function faultsOf(description: GridDescription): Promise<string[]> {
  const text = JSON.stringify(asyncApi(description));
  const { document, diagnostics } = await parser.parse(text);
  const errors = diagnostics
    .filter((diagnostic) => (diagnostic as { severity: number }).severity === 0)
    .map(({ message, path }) => `${path.join('.')}: ${message}`);
  return document === undefined ? [...errors, 'no document'] : errors;
}

const node: z.ZodType = z.object({
  value: z.number(),
  get next() {
    return node.optional();
  },
});

async function description(): Promise<GridDescription> {
  let result: GridDescription | undefined;
  await gridTest(({ cluster }) => {
    const { manager } = cluster(1).host('a');
    const query = z.object({ disk: z.number().int().min(0), tags: z.array(z.string()).optional() });
    manager.handle(
      unary({ id: 9, name: 'store.get', request: query, response: z.object({ free: z.number() }) }),
      () => ({ free: 1 }),
    );
    manager.handle(unary({ name: 'ping' }), () => undefined);
    manager.handle(duplex({ name: 'watch', request: type<number>(), output: raw }), () => NEVER);
    manager.handle(duplex({ name: 'put', subroute: 'disk1', input: query, output: query }), () => NEVER);
    manager.handle(unary({ name: 'tree', request: node, response: node }), (value) => value);
    manager.handle(unary({ name: '{odd} name/with ~ and <b>' }), () => undefined);
    manager.handle(unary({ name: '_odd_ name_with _ and _b_' }), () => undefined);
    result = describeHost(manager);
  });
  return result!;
}

describe('asyncApi()', () => {
  it('creates a document that the official parser accepts', async () => {
    expect(await faultsOf(await description())).toStrictEqual([]);
  });

  it('has a channel and an operation with its reply for each route, and their messages', async () => {
    const { document } = await parser.parse(JSON.stringify(asyncApi(await description())));
    const operations = document!.operations().all();
    expect(operations.map((operation) => operation.id())).toStrictEqual([
      ...['store.get', 'ping', 'watch', 'put_disk1', 'tree'],
      ...['_odd__name_with___and__b_', '_odd__name_with___and__b__2'],
    ]);
    const get = operations[0]!;
    expect(get.action()).toBe('receive');
    expect(
      get
        .messages()
        .all()
        .map((message) => [message.name(), message.contentType()]),
    ).toStrictEqual([['store.get.request', 'application/msgpack']]);
    expect(get.messages().all()[0]!.payload()!.json()).toMatchObject({
      ...{ type: 'object', required: ['disk'] },
      properties: { disk: { type: 'integer' } },
    });
    expect(
      get
        .reply()!
        .messages()
        .all()
        .map((message) => message.name()),
    ).toStrictEqual(['store.get.response']);
    const put = operations[3]!;
    expect(
      put
        .messages()
        .all()
        .map((message) => message.name()),
    ).toStrictEqual(['put_disk1.request', 'put_disk1.input']);
    expect(
      put
        .reply()!
        .messages()
        .all()
        .map((message) => message.name()),
    ).toStrictEqual(['put_disk1.output']);
    expect(operations[1]!.reply()).toBeUndefined();
    const channels = document!.channels().all();
    expect(channels[0]!.address()).toBe('store.get');
    expect(channels[5]!.address()).toBe('%7Bodd%7D name/with ~ and <b>');
    expect(document!.servers().all()[0]!.url()).toBe('ws://a/minio/grid/v1');
  });

  it('keeps references within a schema inside it, and none leads out of the document', async () => {
    const text = JSON.stringify(asyncApi(await description()));
    const references = [...text.matchAll(/"\$ref":"([^"]*)"/g)].map(([, reference]) => reference!);
    expect(references.length).toBeGreaterThan(10);
    for (const reference of references) expect(reference).toMatch(/^#\//);
    const hostile: GridDescription = {
      ...{ host: 'http://evil', paths: ['/x'], version: '1' },
      routes: [
        {
          ...{ name: 'a', kind: 'unary', idempotent: false },
          request: {
            codec: 'msgpack',
            schema: { properties: { x: { $ref: 'file:///etc/passwd' }, y: { $ref: '#' } } },
          },
        },
      ],
    };
    expect(JSON.stringify(asyncApi(hostile))).not.toContain('passwd');
    expect(await faultsOf(hostile)).toStrictEqual([]);
  });

  it('is valid for a host without routes, and for an invalid host name', async () => {
    expect(await faultsOf({ host: '', paths: [], version: '', routes: [] })).toStrictEqual([]);
  });
});
