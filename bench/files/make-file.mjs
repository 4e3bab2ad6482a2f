import { statfsSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

const mebibyte = 1 << 20;
const gibibyte = 1 << 30;

/** Makes a file of 1 GiB, or of 256 MiB where there is no room for so many of them. Its size. */
export function makeFile(bench, path, copies) {
  const { bavail, bsize } = statfsSync(dirname(path));
  const size = bavail * bsize > (copies + 1) * gibibyte ? gibibyte : 256 * mebibyte;
  if (size < gibibyte) bench.remark(`The file has ${size / mebibyte} MiB: there is no room for one of 1 GiB.`);
  writeFileSync(path, '');
  const block = new Uint8Array(mebibyte).map((_, index) => index * 31 + (index >> 8));
  for (let at = 0; at < size; at += mebibyte) writeFileSync(path, block, { flag: 'a' });
  return size;
}
