import { createHash } from 'node:crypto';
import { readdirSync } from 'node:fs';
import type { FileHeader, FileItem } from '../../../lib/files/file-item.js';

/** The items of a file, in pieces. `header` changes what the header says. */
export function itemsOf(
  bytes: Uint8Array,
  { piece = 1 << 20, ...header }: Partial<Omit<FileHeader, 'kind'>> & { readonly piece?: number } = {},
): FileItem[] {
  const { offset = 0, hash } = header;
  const items: FileItem[] = [
    { kind: 'header', path: 'a', size: offset + bytes.length, offset, length: bytes.length, ...header },
  ];
  for (let at = 0; at < bytes.length; at += piece) items.push({ kind: 'data', bytes: bytes.subarray(at, at + piece) });
  const value = hash === undefined ? {} : { hash: new Uint8Array(createHash(hash).update(bytes).digest()) };
  items.push({ kind: 'end', length: bytes.length, ...value });
  return items;
}

/** Bytes that differ from place to place. */
export function someBytes(length: number): Uint8Array {
  return new Uint8Array(length).map((_, index) => (index * 31) ^ (index >> 8));
}

/** What is in a folder, by name. */
export function namesIn(folder: string): string[] {
  return readdirSync(folder).sort();
}
