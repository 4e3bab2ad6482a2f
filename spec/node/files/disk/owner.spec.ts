import { describe, expect, it } from '@jest/globals';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { isOwned, ownerMark } from '../../../../lib/node/files/disk/owner.js';

const nameOf = (mark: string): string => `.file.${mark}.rxgrid-own`;
/** The mark of this process, with other parts: system, boot, process id, start. */
function markWith(parts: Readonly<Record<number, string>>): string {
  return ownerMark()
    .split('-')
    .map((part, index) => parts[index] ?? part)
    .join('-');
}
// Only Linux tells when a process has started, and which boot this is.
const onLinux = existsSync('/proc/self/stat') ? it : it.skip;

describe('the process that owns a file', () => {
  it('is running, where it is this process', () => {
    expect(isOwned(nameOf(ownerMark()))).toBe(true);
    expect(isOwned(`.file.${ownerMark()}.rxgrid-tmp`)).toBe(true);
  });

  it('has another mark for each file', () => {
    expect(ownerMark()).not.toBe(ownerMark());
  });

  it('is not running, where no process has its id', () => {
    const { pid } = spawnSync(process.execPath, ['--version']);
    expect(isOwned(nameOf(markWith({ 2: pid.toString(36) })))).toBe(false);
  });

  onLinux('does not run, where another process has its id now', () => {
    expect(isOwned(nameOf(markWith({ 3: 'zz' })))).toBe(false);
  });

  onLinux('does not run after a boot, whatever has its id now', () => {
    expect(isOwned(nameOf(markWith({ 1: '00000000' })), () => 0)).toBe(false);
  });

  onLinux('may be another machine of the same name, where the file was written to since this one booted', () => {
    const name = nameOf(markWith({ 1: '00000000' }));
    expect(isOwned(name, () => Date.now())).toBeUndefined();
    expect(isOwned(name)).toBeUndefined();
  });

  it('is running, where it is another process of this system', async () => {
    const child = spawn(process.execPath, ['-e', 'process.stdin.resume(); console.log("up")']);
    await once(child.stdout, 'data');
    // Its start is not known here.
    expect(isOwned(nameOf(markWith({ 2: child.pid!.toString(36), 3: '0' })))).toBe(true);
    child.kill();
    await once(child, 'close');
  });

  it('is not running, where its start is unknown and the file is older than this boot', () => {
    const name = nameOf(markWith({ 3: '0' }));
    expect(isOwned(name, () => Date.now())).toBe(true);
    expect(isOwned(name, () => 0)).toBe(false);
  });

  it.each([
    ['of another system', () => nameOf(markWith({ 0: '00000000' }))],
    ['a part', () => '.file.rxgrid-part'],
    ['no name of ours', () => 'file'],
    ['a mark that is cut', () => '.file.1-2.rxgrid-own'],
  ])('is unknown here: %s', (_, name) => {
    expect(isOwned(name())).toBeUndefined();
  });
});
