import fc from 'fast-check';
import { createHash } from 'node:crypto';
import {
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { lastValueFrom, toArray, type Observable } from 'rxjs';
import { copyIn } from '../../../lib/cli/copy/copy-in.js';
import type { FileItem } from '../../../lib/files/file-item.js';
import { fileRoutes, type FileInfo } from '../../../lib/files/file-routes.js';
import type { LeafConnection } from '../../../lib/endpoint/leaves/leaf.js';
import { receiveFile } from '../../../lib/node/files/receive/receive-file.js';
import { receiveFiles } from '../../../lib/node/files/receive/receive-files.js';
import { copyContext } from './copy-context.js';
import { FilesHost } from './files-host.js';
import { freePort } from '../real-grid.js';

/*
 * Names that a hostile peer may give, trees in which they may lead somewhere, and what must not be touched. Around the
 * root of a host, and around the target of a leaf, there are canaries: files with a size, a content and a name that
 * nothing else has, whose times show whether somebody has read or listed them.
 */

/** Bytes of a canary: nothing else has so many. */
const canaryBytes = 31_337;
const canary = Buffer.alloc(canaryBytes, 'canary of the outside ');
const canaryHash = createHash('sha256').update(canary).digest();
/** What only the outside has. */
const traces = ['canary', String(canaryBytes), canaryHash.toString('hex'), canaryHash.toString('base64')];
const outsideFiles = [
  'secret',
  '.secret.rxgrid-part',
  'out/secret',
  'out/.secret.rxgrid-part',
  'out/canary-name/secret',
];

const parts = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom('a', 'b', 'c', 'swap', 'secret', 'out', 'root', 'local') },
  { weight: 5, arbitrary: fc.constantFrom('..', '.', '') },
  fc.constantFrom(
    '．．',
    '‥',
    '․․',
    '%2e%2e',
    '..\u0000',
    '\u0000',
    'a\\..\\..\\secret',
    '..\\',
    '.. ',
    '...',
    '\u202e..',
  ),
  fc.constantFrom(
    '.secret.rxgrid-part',
    '.a.00000000-00000000-1-1-1.rxgrid-own',
    '.b.00000000-00000000-1-1-1.rxgrid-tmp',
  ),
  fc.constantFrom('x'.repeat(255), 'x'.repeat(256), '漢'.repeat(86)),
  fc.string({ unit: 'binary', maxLength: 6 }),
);
const relative = fc.array(parts, { maxLength: 7 }).map((list) => list.join('/'));

/** Names that a hostile peer may give. `@` at the beginning of one stands for the folder around the root. */
export const hostileNames: fc.Arbitrary<readonly string[]> = fc.array(
  fc.oneof(
    { weight: 8, arbitrary: relative },
    { weight: 2, arbitrary: relative.map((path) => `/${path}`) },
    { weight: 3, arbitrary: relative.map((path) => `@/${path}`) },
    fc.constantFrom(
      '@/out/secret',
      '../secret',
      '../out/secret',
      'a/../../secret',
      '../out',
      'a/secret',
      'swap/secret',
    ),
    fc.constantFrom(
      'a'.repeat(4_097),
      'a/'.repeat(129),
      `${'a/'.repeat(127)}../../secret`,
      `${'../'.repeat(40)}etc/passwd`,
    ),
  ),
  { minLength: 1, maxLength: 6 },
);

/** What a tree has: by path, the target of a link, or `undefined` for a file, or `null` for a folder. */
export const trees: fc.Arbitrary<Record<string, string | undefined | null>> = fc.dictionary(
  fc
    .array(fc.constantFrom('a', 'b', 'c', 'out', 'secret'), { minLength: 1, maxLength: 3 })
    .map((list) => list.join('/')),
  fc.oneof(
    fc.constant(undefined),
    fc.constant(null),
    fc.constantFrom(
      '..',
      '../out',
      '../out/secret',
      '../../out',
      '../secret',
      '@',
      '@/out',
      '@/out/secret',
      '@/nothing',
    ),
    fc.constantFrom('a', 'b', '.', '../a', 'c/..', '../../..', '/', '/proc/self/cwd', 'nothing'),
  ),
  { maxKeys: 6 },
);

/** A host that serves a folder, a hostile host, and a leaf of each. */
export class HostileFiles {
  readonly #host: FilesHost;
  readonly #evil: LeafConnection;
  readonly #before: string;
  #names: readonly string[] = [];
  // What a hostile host was asked, and what a hostile leaf was answered.
  #received: unknown[] = [];

  private constructor(host: FilesHost, evil: LeafConnection) {
    this.#host = host;
    this.#evil = evil;
    for (const name of outsideFiles) {
      mkdirSync(dirname(this.path(name)), { recursive: true });
      writeFileSync(this.path(name), canary);
    }
    for (const side of ['root', 'local']) symlinkSync('../out', this.path(`${side}/swap`));
    this.#rewind();
    this.#before = this.#outside();
  }

  static async start(): Promise<HostileFiles> {
    const host = await FilesHost.start({ writable: true });
    const name = `http://127.0.0.1:${String(await freePort())}`;
    const manager = host.grid.manager(name, [], { leaves: { authenticate: () => 'tool' } });
    const { leaf } = host.grid.leaf(name);
    const files = new HostileFiles(host, leaf);
    manager.handle(fileRoutes.stat, (request) => files.#hear(request, { value: { info: info('', 'folder') } }));
    manager.handle(fileRoutes.list, (request) => files.#hear(request, files.#listing(request.path)));
    manager.handle(fileRoutes.read, async function* (_, { input }) {
      for await (const wanted of input) yield* files.#hear(wanted, files.#items());
    });
    await manager.listen({ address: '127.0.0.1' });
    await leaf.ready();
    return files;
  }

  /** The folder around the root and the target. */
  path(name = ''): string {
    return join(this.#host.folder, name);
  }

  close(): Promise<void> {
    return this.#host.close();
  }

  /** A hostile leaf gives the names to a host. Throws where something outside was touched or told. */
  async attackHost(tree: Record<string, string | undefined | null>, names: readonly string[]): Promise<void> {
    this.#begin('root', tree, names);
    const { leaf } = this.#host;
    for (const path of this.#names) {
      for (const partial of [false, true]) await this.#hearAll(leaf.request(fileRoutes.stat, { path, partial }));
      for (const recursive of [false, true]) {
        await this.#hearAll(leaf.stream(fileRoutes.list, { path, recursive, batches: recursive }));
        await this.#hearAll(leaf.exchange(fileRoutes.read, undefined, [{ path, recursive }]));
      }
      const have = { length: canaryBytes, sha256: new Uint8Array(canaryHash) };
      await this.#hearAll(leaf.exchange(fileRoutes.read, undefined, [{ path, have, hash: 'sha256' }]));
      for (const resume of [false, true]) {
        const one = this.#items().slice(0, 3);
        await this.#hearAll(leaf.exchange(fileRoutes.write, { path, resume, fsync: false }, one));
      }
      const all = this.#items();
      await this.#hearAll(leaf.exchange(fileRoutes.write, { path, folder: true, resume: true, fsync: false }, all));
    }
    for (const resume of [false, true]) {
      const request = { path: '', folder: true, resume, fsync: false };
      await this.#hearAll(leaf.exchange(fileRoutes.write, request, this.#items()));
    }
    this.#check();
  }

  /** A hostile host gives the names to `cp -r`, and to who receives files. Throws as {@link attackHost}. */
  async attackLeaf(tree: Record<string, string | undefined | null>, names: readonly string[]): Promise<void> {
    this.#begin('local', tree, names);
    const target = this.path('local');
    for (const options of [
      { resume: true },
      { links: 'follow' },
      { resume: true, verify: true },
      { dryRun: true },
    ] as const) {
      const context = copyContext(this.#evil, options);
      context.decided.target = target;
      await copyIn(context, 'x', target).catch(() => undefined);
    }
    for (const resume of [false, true]) {
      const read = (): Observable<FileItem> => this.#evil.exchange(fileRoutes.read, undefined, [{ path: 'x' }]);
      await settled(read().pipe(receiveFiles(target, { resume, fsync: false })));
      await settled(read().pipe(receiveFile(join(target, 'one'), { resume, fsync: false })));
    }
    this.#check();
  }

  /** Compares every byte of the outside. */
  checkBytes(): void {
    for (const name of outsideFiles) {
      if (!readFileSync(this.path(name)).equals(canary)) throw new Error(`${name} has other bytes`);
    }
  }

  #begin(side: 'root' | 'local', tree: Record<string, string | undefined | null>, names: readonly string[]): void {
    const real = (text: string): string => text.replace(/^@/, this.path().replace(/\/$/, ''));
    for (const name of readdirSync(this.path(side))) {
      if (!name.startsWith('swap')) rmSync(join(this.path(side), name), { recursive: true, force: true });
    }
    for (const [path, what] of Object.entries(tree)) {
      const full = join(this.path(side), path);
      try {
        // Not through a link of the same tree.
        if (isThrough(this.path(side), path)) continue;
        mkdirSync(what === null ? full : dirname(full), { recursive: true });
        if (what === undefined) writeFileSync(full, 'inside');
        else if (what !== null) symlinkSync(real(what), full);
      } catch {
        // A file has the name of a folder.
      }
    }
    this.#names = names.map(real);
    this.#received = [];
    this.#rewind();
  }

  #hear<T>(what: unknown, answer: T): T {
    this.#received.push(what);
    return answer;
  }

  async #hearAll(answers: Observable<unknown>): Promise<void> {
    this.#received.push(await settled(answers));
  }

  /** Each folder has them all again, a few levels deep: without end, the copy would have none either. */
  #listing(below: string): { readonly value: FileInfo }[] {
    if (below.split('/').length > 2) return [];
    const types = ['file', 'other', 'folder'] as const;
    return this.#names.flatMap((path) => types.map((type) => ({ value: info(path, type) })));
  }

  #items(): FileItem[] {
    const bytes = new Uint8Array(2_000).fill(1);
    return this.#names.flatMap((path): FileItem[] => [
      { kind: 'header', path, size: bytes.length, offset: 0, length: bytes.length },
      { kind: 'data', bytes },
      { kind: 'end', length: bytes.length },
      { kind: 'header', path: `${path}/`, size: 0, offset: 0, length: 0 },
      { kind: 'end', length: 0 },
      { kind: 'pack', files: [{ path, mode: 0o644, bytes }] },
    ]);
  }

  /** Old times of access, so that also a file system that seldom notes them notes the next one. */
  #rewind(): void {
    for (const path of this.#entries()) utimesSync(path, 1_000, 2_000);
  }

  #entries(): string[] {
    const folders = ['out', 'out/canary-name'];
    return [...outsideFiles, ...folders].map((name) => this.path(name));
  }

  #outside(): string {
    const shown = this.#entries().map((path) => {
      const { size, mode, ino, nlink, mtimeMs, atimeMs } = lstatSync(path);
      return `${path} ${[size, mode, ino, nlink, mtimeMs, notesAccess(this.path()) ? atimeMs : 0].join(' ')}`;
    });
    return [...shown, ...readdirSync(this.path()).sort()].join('\n');
  }

  #check(): void {
    const now = this.#outside();
    if (now !== this.#before) throw new Error(`the outside was touched:\n${this.#before}\n\nand now:\n${now}`);
    const received = textOf(this.#received, this.#names);
    for (const trace of traces) {
      if (received.includes(trace)) throw new Error(`${trace} was told: ${received.slice(0, 2_000)}`);
    }
  }
}

/** What was received, as text. The names that were given may come back; nothing else may. */
function textOf(received: readonly unknown[], names: readonly string[]): string {
  const asked = JSON.stringify(received, (key, value: unknown) => {
    if (key === 'have') return undefined;
    if (!(value instanceof Uint8Array)) return value;
    const bytes = Buffer.from(value.buffer, value.byteOffset, value.length);
    return `${bytes.toString('hex')} ${bytes.toString('latin1')}`;
  });
  return names.reduce((text, name) => (name.length > 3 ? text.replaceAll(name, '') : text), asked);
}

async function settled(answers: Observable<unknown>): Promise<unknown> {
  const all: unknown[] = [];
  try {
    await lastValueFrom(answers.pipe(toArray()), { defaultValue: [] }).then((found) =>
      all.push(...(found as unknown[])),
    );
  } catch (error) {
    all.push(String(error));
  }
  return all;
}

function info(path: string, type: FileInfo['type']): FileInfo {
  return { path, type, size: type === 'file' ? canaryBytes * 100 : 0, mtime: 1_000, mode: 0o755 };
}

function isThrough(root: string, path: string): boolean {
  const names = path.split('/');
  return names.some((_, index) => {
    const stats = lstatSync(join(root, ...names.slice(0, index)), { throwIfNoEntry: false });
    return stats?.isSymbolicLink() === true;
  });
}

const noted = new Map<string, boolean>();

/** Whether the file system of a folder notes when a file is read. */
export function notesAccess(folder: string): boolean {
  let notes = noted.get(folder);
  if (notes === undefined) {
    const probe = join(folder, 'probe');
    writeFileSync(probe, 'x');
    utimesSync(probe, 1_000, 2_000);
    readFileSync(probe);
    notes = lstatSync(probe).atimeMs !== 1_000_000;
    rmSync(probe);
    if (!notes) console.warn('This file system notes no times of access: only what is changed or told is seen.');
    noted.set(folder, notes);
  }
  return notes;
}
