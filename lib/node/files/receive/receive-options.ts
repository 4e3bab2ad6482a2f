import { checkOptions, oneOf, whole, type Rule } from '../../../check.js';

/** Options of {@link receiveFile}. */
export interface ReceiveFileOptions {
  /**
   * Bytes of the file that an earlier transfer with `resume` has left here: see {@link partialFile}. The stream may
   * begin at this offset or before it. As with `resume`, the bytes stay here when this transfer fails, too.
   */
  readonly offset?: number | undefined;
  /**
   * True: the bytes that came before a failure are kept beside the target, as `.NAME.rxgrid-part`, and the next
   * transfer can continue them. Default false: nothing is left.
   */
  readonly resume?: boolean;
  /**
   * True: a stream without a hash that can be checked is refused. False: hashes are not checked. Default: a hash is
   * checked where the stream has one. The file gets its name after the check.
   */
  readonly verify?: boolean;
  /** False: the file gets its name before it is forced to the disk, so that a power cut may lose it. Default true. */
  readonly fsync?: boolean;
  /** Permission bits of the file, whatever the stream and the umask say. Default: see `preserve`. */
  readonly mode?: number;
  /**
   * True: the file gets the permission bits of the stream exactly. Default false: it gets those that the umask leaves
   * of them, or the system's default where the stream names none. Set-uid, set-gid and sticky bits are never set. The
   * time of the last change is that of the stream in both cases.
   */
  readonly preserve?: boolean;
  /**
   * True: the memory of received bytes is used again for those that follow, as soon as they are written. This saves
   * about a third of the receiver's CPU time. On Linux with koffi, bytes of a file without a hash may not come to
   * memory at all: they go from the socket through a pipe into the file. Nothing else may use the bytes of the items
   * then: no operator before this one, and no interceptor. Default false.
   */
  readonly reuse?: boolean;
}

/** Options of {@link receiveFiles}. */
export type ReceiveFilesOptions = Omit<ReceiveFileOptions, 'mode'>;

const flag = oneOf(true, false);
const filesRules: Readonly<Record<keyof ReceiveFilesOptions, Rule>> = {
  offset: whole(0, Number.MAX_SAFE_INTEGER, 'bytes'),
  resume: flag,
  verify: flag,
  fsync: flag,
  preserve: flag,
  reuse: flag,
};
const fileRules: Readonly<Record<keyof ReceiveFileOptions, Rule>> = {
  ...filesRules,
  mode: {
    expected: 'permission bits, 0 to 0o777',
    accepts: (value) => Number.isInteger(value) && (value as number) >= 0 && (value as number) <= 0o777,
  },
};

/** @throws ConfigurationError for an option of `receiveFile` that does not exist or cannot work. */
export function checkReceiveFileOptions(options: ReceiveFileOptions): void {
  checkOptions(options, fileRules, { of: 'receiveFile' });
}

/** @throws ConfigurationError for an option of `receiveFiles` that does not exist or cannot work. */
export function checkReceiveFilesOptions(options: ReceiveFilesOptions): void {
  checkOptions(options, filesRules, { of: 'receiveFiles' });
}
