import { describe, expect, it } from '@jest/globals';
import { FileChangedError } from '../../../../lib/files/file-error.js';
import { toFileError } from '../../../../lib/node/files/folder/system-error.js';

const systemError = (code: string): Error => Object.assign(new Error(`${code}: /srv/secret/place`), { code });

describe("An error of the system's", () => {
  it.each([
    ['ENOENT', 'file-not-found', 'There is no "a/b".'],
    ['ENOTDIR', 'file-not-found', 'a part of the path is no folder'],
    ['EACCES', 'file-access', 'look at its owner and permissions'],
    ['EROFS', 'file-access', 'The system denies the access'],
    ['ENAMETOOLONG', 'file-path', 'the system takes no such name (ENAMETOOLONG). Choose another one.'],
    ['EMFILE', 'file-io', 'too many files are open (EMFILE). Try again later, or raise the limit'],
    ['ENFILE', 'file-io', 'too many files are open (ENFILE)'],
    ['ELOOP', 'file-not-regular', 'is not a regular file'],
    ['ENOSPC', 'file-space', 'no space is left for it (ENOSPC). Make room, and try again.'],
    ['EDQUOT', 'file-space', '(EDQUOT)'],
    ['EEXIST', 'file-conflict', '(EEXIST)'],
    ['EIO', 'file-io', '"a/b" failed: EIO.'],
  ])('%s is %s, and says no path but the one that was asked for', (code, expected, text) => {
    const error = toFileError(systemError(code), 'a/b');
    expect([error.code, error.path]).toStrictEqual([expected, 'a/b']);
    expect(error.message).toContain(text);
    expect(error.message).not.toContain('/srv/secret');
    expect(error.cause).toMatchObject({ code });
  });

  it('that is one of ours already stays', () => {
    const error = new FileChangedError('changed', 'a');
    expect(toFileError(error, 'b')).toBe(error);
  });
});
