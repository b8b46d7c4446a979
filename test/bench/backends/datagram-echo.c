/*
 * A UDP backend that sends everything back to where it came from, many datagrams in a system call.
 *
 *     datagram-echo PORT
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { batchMax = 64, datagramBytesMax = 65536, socketBufferBytes = 4 << 20 };

static char bytes[batchMax][datagramBytesMax];
static struct sockaddr_in senders[batchMax];
static struct iovec parts[batchMax];
static struct mmsghdr messages[batchMax];

static void die(const char *what) {
  perror(what);
  exit(1);
}

static int boundTo(int port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), size = socketBufferBytes;
  if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) < 0) die("bind");
  /* Beyond what the system allows everybody: as root, otherwise as much as it does. */
  if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) < 0) {
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
  }
  return fd;
}

static void makeRoom(void) {
  for (int i = 0; i < batchMax; i += 1) {
    parts[i] = (struct iovec){.iov_base = bytes[i], .iov_len = datagramBytesMax};
    messages[i].msg_hdr = (struct msghdr){.msg_name = &senders[i],
                                          .msg_namelen = sizeof senders[i],
                                          .msg_iov = &parts[i],
                                          .msg_iovlen = 1};
  }
}

/** One that cannot be sent is left out: its sender may be gone. */
static void sendBack(int fd, int count) {
  for (int i = 0; i < count; i += 1) parts[i].iov_len = messages[i].msg_len;
  for (int done = 0; done < count;) {
    int sent = sendmmsg(fd, messages + done, count - done, 0);
    done += sent < 1 ? 1 : sent;
  }
}

int main(int count, char **arguments) {
  if (count != 2) {
    fprintf(stderr, "datagram-echo PORT\n");
    return 2;
  }
  int fd = boundTo(atoi(arguments[1]));
  for (;;) {
    makeRoom();
    int received = recvmmsg(fd, messages, batchMax, MSG_WAITFORONE, NULL);
    if (received > 0) sendBack(fd, received);
  }
}
