import { describe, expect, it } from '@jest/globals';
import { FileChangedError } from '../../../../lib/files/file-error.js';
import { creationError, toFileError } from '../../../../lib/node/files/disk/system-error.js';

const systemError = (code: string): Error => Object.assign(new Error(`${code}: /srv/secret/place`), { code });

describe('a system error', () => {
  it.each([
    ['ENOENT', 'file-not-found', '"a/b" does not exist.'],
    ['ENOTDIR', 'file-not-found', 'a part of the path is not a folder'],
    ['EACCES', 'file-access', 'Check the owner and the permissions'],
    ['EROFS', 'file-access', 'the file system is read-only (EROFS). Choose another folder, or mount it for writing.'],
    ['ERR_ACCESS_DENIED', 'file-access', "Node's permission model denies access. Allow the path"],
    ['ENAMETOOLONG', 'file-path', 'the system does not accept this name (ENAMETOOLONG). Choose another one.'],
    ['EMFILE', 'file-io', 'too many files are open (EMFILE). Try again later, or raise the limit'],
    ['ENFILE', 'file-io', 'too many files are open (ENFILE)'],
    ['ELOOP', 'file-not-regular', 'is not a regular file'],
    ['ENOSPC', 'file-space', 'no space is left on the disk (ENOSPC). Make room, and try again.'],
    ['EDQUOT', 'file-space', '(EDQUOT)'],
    ['EEXIST', 'file-conflict', '(EEXIST)'],
    ['EIO', 'file-io', '"a/b": reading or writing failed: EIO.'],
  ])('%s becomes %s, and names only the requested path', (code, expected, text) => {
    const error = toFileError(systemError(code), 'a/b');
    expect([error.code, error.path]).toStrictEqual([expected, 'a/b']);
    expect(error.message).toContain(text);
    expect(error.message).not.toContain('/srv/secret');
    expect(error.cause).toMatchObject({ code });
  });

  it.each(['EACCES', 'EPERM'])('%s of a folder says that access to the folder is denied', (code) => {
    const text = `"a/b": its folder does not let the writing process add, rename or remove entries (${code}). Give that process`;
    for (const syscall of ['mkdir', 'rename', 'renameat', 'unlink', 'rmdir']) {
      const error = toFileError(Object.assign(systemError(code), { syscall }), 'a/b');
      expect([error.code, error.message]).toStrictEqual(['file-access', expect.stringContaining(text)]);
    }
    expect(creationError(systemError(code), 'a/b')).toMatchObject({ message: expect.stringContaining(text) });
    const other = systemError('ENOENT');
    expect(creationError(other, 'a/b')).toBe(other);
  });

  it('is returned unchanged where it is a FileError already', () => {
    const error = new FileChangedError('changed', 'a');
    expect(toFileError(error, 'b')).toBe(error);
  });
});
