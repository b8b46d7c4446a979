/*
 * Requests at a steady rate, whatever the answers take: request i is due at start + i / rate, goes
 * out on a connection that is free, and its latency counts from when it was due. A proxy that stalls
 * is charged for the requests that had to wait for it.
 *
 *     steady PORT CONNECTIONS RATE SECONDS
 *
 * Prints one line of JSON; latencies in microseconds.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { eventsMax = 256, answerBytesMax = 4096 };

static const char request[] = "GET / HTTP/1.1\r\nHost: bench\r\n\r\n";
/** How long the last answers may take after the last request was due. */
static const int64_t graceNs = 5000000000;

struct Connection {
  int fd;
  size_t missing;
  int64_t dueNs;
};

struct Load {
  int epoll, connections, freeCount, broken;
  struct Connection *all, **free;
  size_t answerBytes;
  long total, sent, answered;
  uint32_t *latencies;
  int64_t startNs;
  double everyNs;
};

static void die(const char *what) {
  perror(what);
  exit(1);
}

static int64_t nowNs(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static void dial(struct Connection *connection, int port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  connection->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (connection->fd < 0) die("socket");
  if (connect(connection->fd, (struct sockaddr *)&address, sizeof address) < 0) die("connect");
  int on = 1;
  setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

static void ask(int fd) {
  if (send(fd, request, sizeof request - 1, MSG_NOSIGNAL) != sizeof request - 1) die("send");
}

/** One exchange on each connection, blocking: opens the way to the backend, and tells the answer's size. */
static size_t firstAnswer(int fd) {
  char answer[answerBytesMax + 1];
  size_t got = 0;
  ask(fd);
  for (;;) {
    ssize_t bytes = recv(fd, answer + got, answerBytesMax - got, 0);
    if (bytes <= 0) die("first answer");
    got += bytes;
    answer[got] = 0;
    char *body = strstr(answer, "\r\n\r\n"), *length = strcasestr(answer, "content-length:");
    if (body == NULL) continue;
    if (length == NULL) die("no content-length");
    size_t whole = body + 4 - answer + atol(length + 15);
    if (got >= whole) return whole;
  }
}

static void openAll(struct Load *load, int port) {
  for (int i = 0; i < load->connections; i += 1) {
    struct Connection *connection = &load->all[i];
    dial(connection, port);
    load->answerBytes = firstAnswer(connection->fd);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
    epoll_ctl(load->epoll, EPOLL_CTL_ADD, connection->fd, &event);
    load->free[load->freeCount++] = connection;
  }
}

static int64_t dueNs(const struct Load *load, long index) {
  return load->startNs + (int64_t)(index * load->everyNs);
}

static void sendDue(struct Load *load) {
  while (load->sent < load->total && load->freeCount > 0 && dueNs(load, load->sent) <= nowNs()) {
    struct Connection *connection = load->free[--load->freeCount];
    connection->dueNs = dueNs(load, load->sent);
    connection->missing = load->answerBytes;
    ask(connection->fd);
    load->sent += 1;
  }
}

static void take(struct Load *load, struct Connection *connection) {
  char buffer[answerBytesMax];
  ssize_t bytes = recv(connection->fd, buffer, sizeof buffer, MSG_DONTWAIT);
  if (bytes < 0 && errno == EAGAIN) return;
  if (bytes <= 0 || (size_t)bytes > connection->missing) {
    load->broken += 1;
    epoll_ctl(load->epoll, EPOLL_CTL_DEL, connection->fd, NULL);
    return;
  }
  connection->missing -= bytes;
  if (connection->missing > 0) return;
  load->latencies[load->answered++] = (nowNs() - connection->dueNs) / 1000;
  load->free[load->freeCount++] = connection;
}

/** To the next due request; when none can go out, to the next answer, looking up at times. */
static struct timespec waitTime(const struct Load *load) {
  int64_t ns = 10000000;
  if (load->sent < load->total && load->freeCount > 0) ns = dueNs(load, load->sent) - nowNs();
  if (ns < 0) ns = 0;
  return (struct timespec){.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};
}

static void run(struct Load *load) {
  struct epoll_event events[eventsMax];
  int64_t endNs = dueNs(load, load->total) + graceNs;
  while (load->answered < load->total && load->broken < load->connections && nowNs() < endNs) {
    sendDue(load);
    struct timespec wait = waitTime(load);
    int count = epoll_pwait2(load->epoll, events, eventsMax, &wait, NULL);
    for (int i = 0; i < count; i += 1) take(load, events[i].data.ptr);
  }
}

static int byValue(const void *a, const void *b) {
  uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;
  return (left > right) - (left < right);
}

static uint32_t at(const struct Load *load, double share) {
  return load->answered == 0 ? 0 : load->latencies[(long)((load->answered - 1) * share)];
}

int main(int count, char **arguments) {
  if (count != 5) {
    fprintf(stderr, "steady PORT CONNECTIONS RATE SECONDS\n");
    return 2;
  }
  struct Load load = {.connections = atoi(arguments[2])};
  double rate = atof(arguments[3]), seconds = atof(arguments[4]);
  load.total = rate * seconds;
  load.everyNs = 1e9 / rate;
  load.epoll = epoll_create1(EPOLL_CLOEXEC);
  load.all = calloc(load.connections, sizeof *load.all);
  load.free = calloc(load.connections, sizeof *load.free);
  load.latencies = calloc(load.total, sizeof *load.latencies);
  prctl(PR_SET_TIMERSLACK, 1000);
  openAll(&load, atoi(arguments[1]));
  load.startNs = nowNs();
  run(&load);
  double took = (nowNs() - load.startNs) / 1e9;
  qsort(load.latencies, load.answered, sizeof *load.latencies, byValue);
  printf("{\"asked\":%ld,\"answered\":%ld,\"broken\":%d,\"seconds\":%.3f,"
         "\"p50\":%u,\"p99\":%u,\"p999\":%u,\"max\":%u}\n",
         load.total, load.answered, load.broken, took, at(&load, 0.5), at(&load, 0.99),
         at(&load, 0.999), at(&load, 1));
  return 0;
}
