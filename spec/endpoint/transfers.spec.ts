import { expect, it } from '@jest/globals';
import { firstValueFrom, lastValueFrom, toArray } from 'rxjs';
import { type } from '../../lib/codec/codec.js';
import { duplex } from '../../lib/contract/contract.js';
import { fileItems } from '../../lib/files/file-codec.js';
import { fileRegion } from '../../lib/files/sendfile.js';
import { gridTest } from '../../lib/testing/index.js';

const download = duplex({ name: 'download', request: type<number>(), output: fileItems, outCapacity: 1 });
const upload = duplex({ name: 'upload', input: fileItems, output: type<number>(), inCapacity: 4 });

it('lists the files in transit, at both ends, until they have arrived', () =>
  gridTest(async ({ cluster, advance }) => {
    const grid = cluster();
    const [a, b] = [grid.host('a'), grid.host('b')];
    b.handle(download, (size) => fileRegion(new Blob([new Uint8Array(size)]), { as: 'disk/x' }));
    await grid.connected();
    const size = 3_000_000;
    const transfers = { sent: 0, received: 0 };
    let moved = 0;
    const call = a.connection(b).stream(download, size);
    for await (const item of call) {
      if (item.kind === 'data') moved += item.bytes.length;
      await advance(10);
      const [sends, receives] = await Promise.all([
        firstValueFrom(b.manager.transfers$),
        firstValueFrom(a.manager.transfers$),
      ]);
      if (item.kind === 'data' && moved < size) {
        transfers.sent++;
        expect(sends).toMatchObject({
          open: 1,
          transfers: [{ direction: 'send', path: 'disk/x', route: 'download', peer: 'http://a', total: size }],
        });
        expect(receives).toMatchObject({
          open: 1,
          transfers: [{ direction: 'receive', path: 'disk/x', peer: 'http://b', moved, total: size }],
        });
        expect(sends.transfers[0]!.mode).toBe(receives.transfers[0]!.mode);
      }
    }
    expect(transfers.sent).toBeGreaterThan(0);
    await advance(100);
    expect(await firstValueFrom(a.manager.transfers$)).toStrictEqual({ open: 0, transfers: [] });
    expect(await firstValueFrom(b.manager.transfers$)).toStrictEqual({ open: 0, transfers: [] });
  }));

it('forgets a file whose stream breaks, counts no folders, and rates the last second', () =>
  gridTest(async ({ cluster, advance }) => {
    const grid = cluster();
    const [a, b] = [grid.host('a'), grid.host('b')];
    b.handle(upload, async function* (_, call) {
      for await (const item of call.input) if (item.kind === 'end') yield 1;
    });
    await grid.connected();
    const stream = a.connection(b).open(upload);
    const answers = lastValueFrom(stream.pipe(toArray())).catch(() => 'ended');
    const header = (path: string) => ({ kind: 'header', path, size: 100, offset: 0, length: 100 }) as const;
    stream.next({ kind: 'header', path: 'folder/', size: 0, offset: 0, length: 0 });
    stream.next({ kind: 'end', length: 0 });
    stream.next(header('file'));
    await advance(10);
    const figures = b.manager.transfers$.subscribe();
    await advance(1_500);
    stream.next({ kind: 'data', bytes: new Uint8Array(50) });
    await advance(1_000);
    expect(await firstValueFrom(b.manager.transfers$)).toMatchObject({
      ...{ open: 1 },
      transfers: [{ path: 'file', moved: 50, total: 100, rate: 50, direction: 'receive', peer: 'http://a' }],
    });
    stream.cancel();
    expect(await answers).toBe('ended');
    await advance(1_000);
    expect(await firstValueFrom(b.manager.transfers$)).toStrictEqual({ open: 0, transfers: [] });
    figures.unsubscribe();
  }));
