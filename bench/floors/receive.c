// The other end of sendfile.c: listens, takes one connection, and writes what comes to a file, with recv(2) and write(2).
//     receive PATH     prints the port, and at the end the CPU time that it took, in µs
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

static char buffer[256 << 10];

int main(int argc, char **argv) {
  if (argc != 2) return 2;
  int listening = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof at;
  if (bind(listening, (struct sockaddr *)&at, size) < 0 || listen(listening, 1) < 0) return 1;
  getsockname(listening, (struct sockaddr *)&at, &size);
  printf("%d\n", ntohs(at.sin_port));
  fflush(stdout);
  int in = accept(listening, NULL, NULL);
  int file = open(argv[1], O_WRONLY | O_CREAT | O_TRUNC, 0600);
  if (in < 0 || file < 0) return 1;
  ssize_t count;
  while ((count = recv(in, buffer, sizeof buffer, 0)) > 0)
    for (ssize_t done = 0; done < count;) {
      ssize_t written = write(file, buffer + done, count - done);
      if (written <= 0) return 1;
      done += written;
    }
  if (count < 0) return 1;
  struct rusage used;
  getrusage(RUSAGE_SELF, &used);
  printf("%ld\n", (used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000000L + used.ru_utime.tv_usec + used.ru_stime.tv_usec);
  return 0;
}
