/*
 * The sendfile of other systems, on Linux: as darwin (1), FreeBSD (2) or illumos (3) by MIMIC. What their manuals say about
 * arguments and results is done strictly: what they would refuse ends the process. Partial results, with and without an
 * error, are frequent; they follow from a fixed seed.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

struct sf_hdtr {
  struct iovec *headers;
  int hdr_cnt;
  struct iovec *trailers;
  int trl_cnt;
};

static unsigned seed = 1;
static long calls, heads, partial, failures;
/* The call that fails with EIO; 0: none. */
static long failing;

static int one_in(unsigned n) { return rand_r(&seed) % n == 0; }

static size_t up_to(size_t n) { return n == 0 ? 0 : 1 + (size_t)rand_r(&seed) % n; }

static void require(int condition, const char *what) {
  if (condition) return;
  fprintf(stderr, "mimic-sendfile: %s\n", what);
  abort();
}

/* Sends bytes of memory. Less than all of them, and 0, are a socket that is full. */
static long send_some(int socket, const void *bytes, size_t count) {
  long sent = send(socket, bytes, one_in(4) ? up_to(count) : count, MSG_DONTWAIT | MSG_NOSIGNAL);
  return sent;
}

/* Sends head and file. The result is what was sent of both; *error is 0, or says why that is not all. */
static long send_both(int socket, int file, off_t offset, size_t count, const struct sf_hdtr *head, int *error) {
  long total = 0;
  calls++;
  *error = 0;
  if (calls == failing) {
    failures++;
    *error = EIO;
    return 0;
  }
  if (head != NULL) {
    require(head->trailers == NULL && head->trl_cnt == 0, "trailers are not expected");
    for (int index = 0; index < head->hdr_cnt; index++) {
      const struct iovec *part = &head->headers[index];
      heads++;
      long sent = send_some(socket, part->iov_base, part->iov_len);
      if (sent < 0) {
        *error = errno;
        return total;
      }
      total += sent;
      if ((size_t)sent < part->iov_len) {
        partial++;
        *error = EAGAIN;
        return total;
      }
    }
  }
  size_t most = one_in(3) ? up_to(count) : count;
  size_t done = 0;
  while (done < most) {
    long sent = syscall(SYS_sendfile, socket, file, &offset, most - done);
    if (sent < 0) *error = errno;
    if (sent <= 0) break;
    done += (size_t)sent;
  }
  total += (long)done;
  if (*error == 0 && most < count && one_in(2)) *error = one_in(4) ? EINTR : EAGAIN;
  if (*error != 0 && total > 0) partial++;
  return total;
}

static int result_of(int error) {
  if (error == 0) return 0;
  errno = error;
  return -1;
}

#if MIMIC == 1
int sendfile(int file, int socket, int64_t offset, int64_t *len, struct sf_hdtr *head, int flags) {
  int64_t of_head = 0;
  for (int index = 0; head != NULL && index < head->hdr_cnt; index++) of_head += head->headers[index].iov_len;
  require(flags == 0, "flags must be 0");
  /* A count of 0 says: to the end of the file. */
  require(*len > of_head, "len must have the bytes of the head and some of the file");
  int error;
  long sent = send_both(socket, file, offset, *len - of_head, head, &error);
  /* After another error the manual promises nothing: it is what went in. */
  if (error == 0 || error == EAGAIN || error == EINTR) *len = sent;
  return result_of(error);
}
#elif MIMIC == 2
int sendfile(int file, int socket, int64_t offset, size_t count, struct sf_hdtr *head, int64_t *sent, int flags) {
  require(flags == 0, "flags must be 0");
  require(count > 0, "a count of 0 says: to the end of the file");
  int error;
  *sent = send_both(socket, file, offset, count, head, &error);
  return result_of(error);
}
#else
intptr_t sendfile(int out, int in, int64_t *offset, size_t count) {
  require(count > 0, "a count of 0 sends nothing");
  int error;
  long sent = send_both(out, in, *offset, count, NULL, &error);
  *offset += sent;
  return error == 0 ? sent : result_of(error);
}

intptr_t mimic_send(int socket, const void *bytes, size_t count, int flags) {
  require(flags == 0, "flags must be 0");
  heads++;
  return send_some(socket, bytes, count);
}
#endif

void mimic_fail(long call) { failing = calls + call; }

long mimic_count(int what) {
  long counts[] = {calls, heads, partial, failures};
  return counts[what];
}
