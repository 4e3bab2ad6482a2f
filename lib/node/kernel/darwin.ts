import { errorsOf } from './errors.js';
import type { Foreign } from './foreign.js';
import { declareHead, headOf } from './gather.js';
import type { KernelSender } from './kernel-sender.js';

/**
 * `int sendfile(int file, int socket, off_t offset, off_t *len, struct sf_hdtr *head, int flags)`. `len` is the
 * length of head and file together, and becomes the number of bytes sent, also with EAGAIN.
 */
export function darwinSender(foreign: Foreign): KernelSender {
  declareHead(foreign);
  const sendfile = foreign
    .load(null)
    .func('int sendfile(int file, int socket, int64_t offset, int64_t *len, rxgrid_sf_hdtr *head, int flags)');
  const len = new BigInt64Array(1);
  const errors = errorsOf(foreign);
  return {
    experimental: true,
    errors,
    send(socket, file, offset, count, head) {
      len[0] = BigInt(count + (head?.length ?? 0));
      const failed = sendfile(file, socket, offset, len, headOf(head), 0) < 0;
      const errno = failed ? foreign.errno() : 0;
      // With other errors, `len` is unchanged.
      const known = errno === 0 || errno === errors.EAGAIN || errno === errors.EINTR;
      const sent = known ? Number(len[0]) : 0;
      if (sent > count + (head?.length ?? 0)) throw new Error('sendfile says that it has sent more than it was given');
      return { sent, errno };
    },
  };
}
