import { errorsOf } from './errors.js';
import type { Foreign } from './foreign.js';
import { declareHead, headOf } from './gather.js';
import type { KernelSender } from './kernel-sender.js';

/**
 * `int sendfile(int file, int socket, off_t offset, size_t count, struct sf_hdtr *head, off_t *sent, int flags)`.
 * `count` is that of the file alone; `sent` comes out with head and file together, also with EAGAIN.
 */
export function freebsdSender(foreign: Foreign): KernelSender {
  declareHead(foreign);
  const sendfile = foreign
    .load(null)
    .func(
      'int sendfile(int file, int socket, int64_t offset, size_t count, rxgrid_sf_hdtr *head, int64_t *sent, int flags)',
    );
  const sent = new BigInt64Array(1);
  return {
    experimental: true,
    errors: errorsOf(foreign),
    send(socket, file, offset, count, head) {
      sent[0] = 0n;
      const failed = sendfile(file, socket, offset, count, headOf(head), sent, 0) < 0;
      const errno = failed ? foreign.errno() : 0;
      return { sent: Number(sent[0]), errno };
    },
  };
}
