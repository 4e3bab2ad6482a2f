import { errorsOf } from './errors.js';
import type { Foreign } from './foreign.js';
import type { KernelSender } from './kernel-sender.js';

/**
 * `ssize_t sendfile(int out, int in, off_t *offset, size_t count)`, of libsendfile. The offset shows how much was sent,
 * also with an error.
 */
export function illumosSender(foreign: Foreign): KernelSender {
  const sendfile = foreign
    .load('libsendfile.so.1')
    .func('intptr_t sendfile(int out, int in, int64_t *offset, size_t count)');
  const send = foreign
    .load('libsocket.so.1')
    .func('intptr_t send(int socket, const void *bytes, size_t count, int flags)');
  const at = new BigInt64Array(1);
  return {
    experimental: true,
    errors: errorsOf(foreign),
    send(socket, file, offset, count, head) {
      let before = 0;
      if (head !== undefined) {
        before = send(socket, head, head.length, 0);
        if (before < 0) return { sent: 0, errno: foreign.errno() };
        if (before < head.length) return { sent: before, errno: 0 };
      }
      at[0] = BigInt(offset);
      const failed = sendfile(socket, file, at, count) < 0;
      const errno = failed ? foreign.errno() : 0;
      return { sent: before + Number(at[0]) - offset, errno };
    },
  };
}
