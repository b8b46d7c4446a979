/*
 * The limit for UDP: receives, looks up who sent it, sends, and does nothing else. Many datagrams in
 * a system call; a connected socket for each session, added once, edge-triggered. No policy, no
 * deadlines, no counters. A session ends with its first reply, or never.
 */
#define _GNU_SOURCE
#include "datagram-relay.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { eventsMax = 256, batchMax = 64, datagramBytesMax = 65536, bucketsMax = 1 << 16 };

struct Session;

/** What an event names: a session, or a listener, which has none. */
struct Session {
  int fd;
  struct sockaddr_in client;
  struct Listener *listener;
  struct Session *next;
};

struct Listener {
  int fd;
  struct DatagramRoute route;
  struct Session *buckets[bucketsMax];
  struct Session self;
};

struct Batch {
  struct sockaddr_in names[batchMax];
  struct iovec parts[batchMax];
  struct mmsghdr messages[batchMax];
  char bytes[batchMax][datagramBytesMax];
};

struct Thread {
  int epoll;
  struct Session *dead;
  struct Batch batch;
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

static int receive(struct Batch *batch, int fd, int withNames) {
  for (int i = 0; i < batchMax; i += 1) {
    batch->parts[i] = (struct iovec){.iov_base = batch->bytes[i], .iov_len = datagramBytesMax};
    batch->messages[i].msg_hdr = (struct msghdr){
        .msg_name = withNames ? &batch->names[i] : NULL,
        .msg_namelen = withNames ? sizeof batch->names[i] : 0,
        .msg_iov = &batch->parts[i],
        .msg_iovlen = 1};
  }
  int count = recvmmsg(fd, batch->messages, batchMax, MSG_DONTWAIT, NULL);
  for (int i = 0; i < count; i += 1) batch->parts[i].iov_len = batch->messages[i].msg_len;
  return count < 0 ? 0 : count;
}

/** What the system does not take is lost, as on the way. */
static void transmit(struct Batch *batch, int fd, int from, int to, struct sockaddr_in *name) {
  for (int i = from; i < to; i += 1) {
    batch->messages[i].msg_hdr.msg_name = name;
    batch->messages[i].msg_hdr.msg_namelen = name == NULL ? 0 : sizeof *name;
  }
  while (from < to) {
    int sent = sendmmsg(fd, batch->messages + from, to - from, MSG_DONTWAIT);
    from += sent < 1 ? 1 : sent;
  }
}

static struct Session **placeOf(struct Listener *listener, const struct sockaddr_in *client) {
  uint32_t mixed = (client->sin_addr.s_addr ^ (uint32_t)client->sin_port << 16) * 2654435761u;
  struct Session **place = &listener->buckets[mixed >> 16];
  while (*place != NULL && ((*place)->client.sin_addr.s_addr != client->sin_addr.s_addr ||
                            (*place)->client.sin_port != client->sin_port)) {
    place = &(*place)->next;
  }
  return place;
}

static void watch(struct Thread *thread, struct Session *session, unsigned events) {
  struct epoll_event event = {.events = events, .data.ptr = session};
  if (epoll_ctl(thread->epoll, EPOLL_CTL_ADD, session->fd, &event) < 0) die("epoll_ctl");
}

static struct Session *sessionOf(struct Thread *thread, struct Listener *listener,
                                 const struct sockaddr_in *client) {
  struct Session **place = placeOf(listener, client);
  if (*place != NULL) return *place;
  struct Session *session = calloc(1, sizeof *session);
  if (session == NULL) die("calloc");
  session->fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (session->fd < 0) die("socket");
  struct sockaddr_in target = loopback(listener->route.targetPort);
  if (connect(session->fd, (struct sockaddr *)&target, sizeof target) < 0) die("connect");
  session->client = *client;
  session->listener = listener;
  *place = session;
  watch(thread, session, EPOLLIN | EPOLLET);
  return session;
}

/** Freed after the batch: a later event of the same batch may still name it. */
static void end(struct Thread *thread, struct Session *session) {
  struct Session **place = placeOf(session->listener, &session->client);
  *place = session->next;
  close(session->fd);
  session->listener = NULL;
  session->next = thread->dead;
  thread->dead = session;
}

/** Datagrams of one client that follow each other go out together. */
static void onClients(struct Thread *thread, struct Listener *listener) {
  struct Batch *batch = &thread->batch;
  int count;
  do {
    count = receive(batch, listener->fd, 1);
    int from = 0;
    struct Session *current = NULL;
    for (int i = 0; i < count; i += 1) {
      struct Session *session = sessionOf(thread, listener, &batch->names[i]);
      if (current != NULL && session != current) {
        transmit(batch, current->fd, from, i, NULL);
        from = i;
      }
      current = session;
    }
    if (current != NULL) transmit(batch, current->fd, from, count, NULL);
  } while (count == batchMax);
}

static void onReplies(struct Thread *thread, struct Session *session) {
  struct Batch *batch = &thread->batch;
  int count;
  do {
    count = receive(batch, session->fd, 0);
    transmit(batch, session->listener->fd, 0, count, &session->client);
    if (count > 0 && session->listener->route.once) return end(thread, session);
  } while (count == batchMax);
}

static void listenOn(struct Thread *thread, struct DatagramRoute route) {
  struct Listener *listener = calloc(1, sizeof *listener);
  if (listener == NULL) die("calloc");
  int on = 1;
  struct sockaddr_in address = loopback(route.port);
  listener->route = route;
  listener->fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  setsockopt(listener->fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
  if (bind(listener->fd, (struct sockaddr *)&address, sizeof address) < 0) die("bind");
  listener->self = (struct Session){.fd = listener->fd, .listener = listener};
  watch(thread, &listener->self, EPOLLIN);
}

static void bury(struct Thread *thread) {
  while (thread->dead != NULL) {
    struct Session *session = thread->dead;
    thread->dead = session->next;
    free(session);
  }
}

void *relayDatagrams(void *given) {
  const struct DatagramWorker *worker = given;
  struct Thread *thread = calloc(1, sizeof *thread);
  if (thread == NULL) die("calloc");
  struct epoll_event events[eventsMax];
  thread->epoll = epoll_create1(EPOLL_CLOEXEC);
  for (int i = 0; i < worker->count; i += 1) listenOn(thread, worker->routes[i]);
  for (;;) {
    int count = epoll_wait(thread->epoll, events, eventsMax, -1);
    if (count < 0 && errno != EINTR) die("epoll_wait");
    for (int i = 0; i < count; i += 1) {
      struct Session *session = events[i].data.ptr;
      if (session->listener == NULL) continue;
      if (session == &session->listener->self) onClients(thread, session->listener);
      else onReplies(thread, session);
    }
    bury(thread);
  }
  return NULL;
}
