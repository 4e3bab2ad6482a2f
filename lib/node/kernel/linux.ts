import { errorsOf } from './errors.js';
import type { Foreign } from './foreign.js';
import type { KernelSender } from './kernel-sender.js';

/** MSG_DONTWAIT; MSG_NOSIGNAL; MSG_MORE, so that the head and the file leave together. */
const headFlags = 0x40 | 0x4000 | 0x8000;

/** `POSIX_FADV_WILLNEED` */
const willNeed = 3;

/** `ssize_t sendfile(int out, int in, off_t *offset, size_t count)`. koffi lacks `ssize_t`. */
export function linuxSender(foreign: Foreign): KernelSender {
  const library = foreign.load(null);
  const sendfile = library.func('intptr_t sendfile(int out, int in, int64_t *offset, size_t count)');
  const send = library.func('intptr_t send(int socket, const void *bytes, size_t count, int flags)');
  const advise = library.func('int posix_fadvise(int file, int64_t offset, int64_t count, int advice)');
  const at = new BigInt64Array(1);
  const sendBytes = (socket: number, bytes: Uint8Array): number => send(socket, bytes, bytes.length, headFlags);
  return {
    experimental: false,
    errors: errorsOf(foreign),
    // The descriptor may be another file's by then. That is harmless: only the page cache changes.
    readAhead: (file, offset, count, done) => advise.async?.(file, offset, count, willNeed, done),
    send(socket, file, offset, count, head) {
      let before = 0;
      if (head !== undefined) {
        before = sendBytes(socket, head);
        if (before < 0) return { sent: 0, errno: foreign.errno() };
        if (before < head.length) return { sent: before, errno: 0 };
      }
      at[0] = BigInt(offset);
      const sent = sendfile(socket, file, at, count);
      return sent < 0 ? { sent: before, errno: foreign.errno() } : { sent: before + sent, errno: 0 };
    },
  };
}
