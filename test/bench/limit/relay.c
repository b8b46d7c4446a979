/*
 * The limit: a relay that accepts, connects, waits in epoll, receives and sends, and does nothing
 * else. No policy, no deadlines, no counters: what a TCP relay costs in this kernel at the least.
 *
 *     relay WORKERS LISTEN_PORT:TARGET_PORT[:udp|:udp-once]...
 *
 * With `udp` it relays datagrams there, see datagram-relay.c.
 *
 * Sockets are added once, edge-triggered; `readable` and `writable` keep the level, so that no
 * epoll_ctl is on the hot path. What the peer does not take waits in a buffer of its own, and then
 * that direction is not read. Ends of stream are passed on one by one.
 */
#define _GNU_SOURCE
#include "datagram-relay.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { bufferBytes = 65536, eventsMax = 256, acceptsMax = 64 };

struct Relay;

/** One socket of a relayed connection; `held` is what it still has to send. */
struct Side {
  int fd;
  int readable, writable, ended, shut;
  char *held;
  size_t heldFrom, heldTo;
  struct Relay *relay;
  struct Side *peer;
};

struct Relay {
  struct Side client, target;
  struct Relay *nextDead;
  int dead;
};

/** A listener is told from a side by its null `relay`: both start a `struct Side`. */
struct Listener {
  struct Side side;
  int targetPort;
};

struct Worker {
  int epoll, count;
  int (*ports)[2];
  struct Relay *dead;
  char buffer[bufferBytes];
};

static void die(const char *what) {
  perror(what);
  exit(1);
}

static struct sockaddr_in loopback(int port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

static void watch(struct Worker *worker, struct Side *side, unsigned events) {
  struct epoll_event event = {.events = events, .data.ptr = side};
  if (epoll_ctl(worker->epoll, EPOLL_CTL_ADD, side->fd, &event) < 0) die("epoll_ctl");
}

/** Freed after the batch: a later event of the same batch may still name it. */
static void end(struct Worker *worker, struct Relay *relay) {
  if (relay->dead) return;
  relay->dead = 1;
  close(relay->client.fd);
  close(relay->target.fd);
  relay->nextDead = worker->dead;
  worker->dead = relay;
}

static void bury(struct Worker *worker) {
  while (worker->dead != NULL) {
    struct Relay *relay = worker->dead;
    worker->dead = relay->nextDead;
    free(relay->client.held);
    free(relay->target.held);
    free(relay);
  }
}

/** Sends what `to` holds; 0 while something is left, -1 when the socket is broken. */
static int flush(struct Side *to) {
  while (to->heldFrom < to->heldTo) {
    if (!to->writable) return 0;
    ssize_t sent = send(to->fd, to->held + to->heldFrom, to->heldTo - to->heldFrom, MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN) return -1;
    if (sent < 0) to->writable = 0;
    else to->heldFrom += sent;
  }
  free(to->held);
  to->held = NULL;
  return 1;
}

static void hold(struct Side *to, const char *from, size_t bytes) {
  to->held = malloc(bytes);
  if (to->held == NULL) die("malloc");
  memcpy(to->held, from, bytes);
  to->heldFrom = 0;
  to->heldTo = bytes;
}

/** Moves from a side to its peer until either blocks or ends; -1 when the connection is broken. */
static int move(struct Worker *worker, struct Side *from) {
  struct Side *to = from->peer;
  int flushed = flush(to);
  if (flushed <= 0) return flushed;
  while (from->readable && !from->ended && to->writable) {
    ssize_t got = recv(from->fd, worker->buffer, bufferBytes, 0);
    if (got < 0 && errno == EAGAIN) from->readable = 0;
    else if (got < 0) return -1;
    else if (got == 0) from->ended = 1;
    else {
      ssize_t sent = send(to->fd, worker->buffer, got, MSG_NOSIGNAL);
      if (sent < 0 && errno != EAGAIN) return -1;
      if (sent < got) {
        to->writable = 0;
        hold(to, worker->buffer + (sent < 0 ? 0 : sent), got - (sent < 0 ? 0 : sent));
        return 0;
      }
      /* A short read means drained, unless the end of stream came along with it. */
      if (got < bufferBytes && from->readable == 1) from->readable = 0;
    }
  }
  if (from->ended && !to->shut) {
    to->shut = 1;
    shutdown(to->fd, SHUT_WR);
  }
  return 1;
}

static void progress(struct Worker *worker, struct Relay *relay) {
  int up = move(worker, &relay->client);
  int down = up < 0 ? -1 : move(worker, &relay->target);
  if (down < 0 || (relay->client.shut && relay->target.shut)) end(worker, relay);
}

static void join(struct Relay *relay, int client, int target) {
  relay->client = (struct Side){.fd = client, .relay = relay, .peer = &relay->target, .writable = 1};
  relay->target = (struct Side){.fd = target, .relay = relay, .peer = &relay->client};
}

static void acceptAll(struct Worker *worker, struct Listener *listener) {
  for (int taken = 0; taken < acceptsMax; taken += 1) {
    int client = accept4(listener->side.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (client < 0) return;
    int target = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (target < 0) die("socket");
    int on = 1;
    setsockopt(target, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    struct sockaddr_in address = loopback(listener->targetPort);
    if (connect(target, (struct sockaddr *)&address, sizeof address) < 0 && errno != EINPROGRESS) {
      close(client);
      close(target);
      continue;
    }
    struct Relay *relay = calloc(1, sizeof *relay);
    if (relay == NULL) die("calloc");
    join(relay, client, target);
    watch(worker, &relay->client, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
    watch(worker, &relay->target, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
  }
}

static void listenOn(struct Worker *worker, int port, int targetPort) {
  struct Listener *listener = calloc(1, sizeof *listener);
  if (listener == NULL) die("calloc");
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  struct sockaddr_in address = loopback(port);
  if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0) die("bind");
  if (listen(fd, 4096) < 0) die("listen");
  listener->side.fd = fd;
  listener->targetPort = targetPort;
  watch(worker, &listener->side, EPOLLIN);
}

static void *work(void *given) {
  struct Worker *worker = given;
  struct epoll_event events[eventsMax];
  worker->epoll = epoll_create1(EPOLL_CLOEXEC);
  for (int i = 0; i < worker->count; i += 1) {
    listenOn(worker, worker->ports[i][0], worker->ports[i][1]);
  }
  for (;;) {
    int count = epoll_wait(worker->epoll, events, eventsMax, -1);
    if (count < 0 && errno != EINTR) die("epoll_wait");
    for (int i = 0; i < count; i += 1) {
      struct Side *side = events[i].data.ptr;
      if (side->relay == NULL) {
        acceptAll(worker, (struct Listener *)side);
        continue;
      }
      if (side->relay->dead) continue;
      unsigned what = events[i].events;
      if (what & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) side->readable = 2;
      else if ((what & EPOLLIN) && side->readable == 0) side->readable = 1;
      if (what & EPOLLOUT) side->writable = 1;
      progress(worker, side->relay);
    }
    bury(worker);
  }
  return NULL;
}

static void startThread(void *(*run)(void *), void *given) {
  pthread_t thread;
  if (pthread_create(&thread, NULL, run, given) != 0) die("pthread_create");
}

static struct Worker *newWorker(int (*ports)[2], int count) {
  struct Worker *worker = calloc(1, sizeof *worker);
  if (worker == NULL) die("calloc");
  worker->ports = ports;
  worker->count = count;
  return worker;
}

int main(int count, char **arguments) {
  if (count < 3) {
    fprintf(stderr, "relay WORKERS LISTEN_PORT:TARGET_PORT[:udp|:udp-once]...\n");
    return 2;
  }
  int workers = atoi(arguments[1]), streams = 0;
  int(*ports)[2] = calloc(count - 2, sizeof *ports);
  struct DatagramRoute *routes = calloc(count - 2, sizeof *routes);
  static struct DatagramWorker datagrams;
  for (int i = 2; i < count; i += 1) {
    char kind[9] = "";
    int port, target;
    if (sscanf(arguments[i], "%d:%d:%8s", &port, &target, kind) < 2) return 2;
    if (kind[0] == 0) {
      ports[streams][0] = port;
      ports[streams++][1] = target;
    } else {
      int once = strcmp(kind, "udp-once") == 0;
      routes[datagrams.count++] = (struct DatagramRoute){port, target, once};
    }
  }
  datagrams.routes = routes;
  for (int i = 0; i < workers; i += 1) {
    startThread(work, newWorker(ports, streams));
    if (datagrams.count > 0) startThread(relayDatagrams, &datagrams);
  }
  pause();
  return 0;
}
