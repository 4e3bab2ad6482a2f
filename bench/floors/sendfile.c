// The floor of the cells of files: connects, and sends one file with sendfile(2), as fast as it goes. Linux.
//     sendfile PATH PORT     prints the CPU time that it took, in µs
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

int main(int argc, char **argv) {
  if (argc != 3) return 2;
  int file = open(argv[1], O_RDONLY);
  int out = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[2]))};
  inet_pton(AF_INET, "127.0.0.1", &to.sin_addr);
  struct stat st;
  if (file < 0 || fstat(file, &st) < 0 || connect(out, (struct sockaddr *)&to, sizeof to) < 0) return 1;
  off_t at = 0;
  while (at < st.st_size)
    if (sendfile(out, file, &at, 1 << 20) <= 0) return 1;
  close(out);
  struct rusage used;
  getrusage(RUSAGE_SELF, &used);
  printf("%ld\n", (used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000000L + used.ru_utime.tv_usec + used.ru_stime.tv_usec);
  return 0;
}
