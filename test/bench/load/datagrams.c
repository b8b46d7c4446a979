/*
 * Clients of a UDP service that answers each datagram with the same bytes. Each keeps some datagrams
 * under way and sends the next ones when answers come, or all together send at a steady rate,
 * AT_ONCE of them in turn, whatever the answers take. With `once` a client is gone after its first answer, and another one
 * comes, from an address that nobody had before.
 *
 *     datagrams PORT CLIENTS UNDER_WAY RATE AT_ONCE SECONDS stay|once
 *
 * RATE 0: as fast as answers come. Prints one line of JSON; `wrong` are answers to somebody else.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { eventsMax = 256, batchMax = 64, datagramBytes = 64, roomBytes = 256 };

/** A client without an answer for so long sends anew. */
static const int64_t lostNs = 200000000;
/** How long the last answers may take after the last datagram was sent. */
static const int64_t graceNs = 300000000;

struct Client {
  int fd, underWay;
  uint64_t tag;
  int64_t heardNs;
};

struct Load {
  int epoll, port, clients, underWay, atOnce, once;
  struct Client *all;
  double everyNs;
  long sent, answered, wrong;
  uint64_t tags;
  int64_t startNs, endNs;
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

static struct sockaddr_in loopback(uint32_t host, int port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
  address.sin_addr.s_addr = htonl(host);
  return address;
}

/** Its address is one of 127.1.0.0 and after it, in turn: no session is there that knows it. */
static void come(struct Load *load, struct Client *client) {
  client->tag = ++load->tags;
  client->underWay = 0;
  client->fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (client->fd < 0) die("socket");
  struct sockaddr_in own = loopback(0x7f010000 + client->tag % 0x00f00000, 0);
  if (bind(client->fd, (struct sockaddr *)&own, sizeof own) < 0) die("bind");
  struct sockaddr_in service = loopback(INADDR_LOOPBACK, load->port);
  if (connect(client->fd, (struct sockaddr *)&service, sizeof service) < 0) die("connect");
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = client};
  epoll_ctl(load->epoll, EPOLL_CTL_ADD, client->fd, &event);
}

static void ask(struct Load *load, struct Client *client, int count) {
  char bytes[datagramBytes] = {0};
  struct iovec part = {.iov_base = bytes, .iov_len = sizeof bytes};
  struct mmsghdr messages[batchMax] = {0};
  memcpy(bytes, &client->tag, sizeof client->tag);
  for (int i = 0; i < batchMax; i += 1) {
    messages[i].msg_hdr = (struct msghdr){.msg_iov = &part, .msg_iovlen = 1};
  }
  while (count > 0) {
    int sent = sendmmsg(client->fd, messages, count < batchMax ? count : batchMax, 0);
    if (sent <= 0) break;
    count -= sent;
    load->sent += sent;
    client->underWay += sent;
  }
}

/** How many answers there were. */
static int hear(struct Load *load, struct Client *client) {
  static char bytes[batchMax][roomBytes];
  struct iovec parts[batchMax];
  struct mmsghdr messages[batchMax] = {0};
  for (int i = 0; i < batchMax; i += 1) {
    parts[i] = (struct iovec){.iov_base = bytes[i], .iov_len = roomBytes};
    messages[i].msg_hdr = (struct msghdr){.msg_iov = &parts[i], .msg_iovlen = 1};
  }
  int count = recvmmsg(client->fd, messages, batchMax, MSG_DONTWAIT, NULL), right = 0;
  for (int i = 0; i < count; i += 1) {
    int isOwn = messages[i].msg_len == datagramBytes &&
                memcmp(bytes[i], &client->tag, sizeof client->tag) == 0;
    right += isOwn;
    load->wrong += !isOwn;
  }
  load->answered += right;
  return right;
}

static void comeAgain(struct Load *load, struct Client *client) {
  close(client->fd);
  come(load, client);
}

/** Every client has as many under way as it may. */
static void refill(struct Load *load, struct Client *client, int64_t now) {
  client->heardNs = now;
  if (load->everyNs == 0) ask(load, client, load->underWay - client->underWay);
}

static void take(struct Load *load, struct Client *client, int64_t now) {
  int answers = hear(load, client);
  if (answers == 0) return;
  client->underWay -= answers < client->underWay ? answers : client->underWay;
  if (now >= load->endNs) return;
  if (load->once) comeAgain(load, client);
  refill(load, client, now);
}

static void giveUpLost(struct Load *load, int64_t now) {
  if (load->everyNs > 0) return;
  for (int i = 0; i < load->clients; i += 1) {
    struct Client *client = &load->all[i];
    if (now - client->heardNs < lostNs) continue;
    client->underWay = 0;
    if (load->once) comeAgain(load, client);
    refill(load, client, now);
  }
}

/** When the next datagram is to leave: with all others of its group. */
static int64_t dueNs(const struct Load *load) {
  return load->startNs + (int64_t)((load->sent - load->sent % load->atOnce) * load->everyNs);
}

static void sendDue(struct Load *load, int64_t now) {
  while (load->everyNs > 0 && dueNs(load) <= now) {
    long before = load->sent;
    ask(load, &load->all[load->sent % load->clients], 1);
    if (load->sent == before) return;
  }
}

static struct timespec waitTime(const struct Load *load, int64_t now) {
  int64_t ns = 10000000;
  if (load->everyNs > 0 && now < load->endNs) {
    ns = dueNs(load) - now;
  }
  return (struct timespec){.tv_sec = 0, .tv_nsec = ns < 0 ? 0 : ns > 10000000 ? 10000000 : ns};
}

static void run(struct Load *load) {
  struct epoll_event events[eventsMax];
  int64_t now = load->startNs, sweptNs = now;
  while (now < load->endNs + graceNs && (now < load->endNs || load->answered < load->sent)) {
    if (now < load->endNs) sendDue(load, now);
    if (now < load->endNs && now - sweptNs > lostNs) {
      giveUpLost(load, now);
      sweptNs = now;
    }
    struct timespec wait = waitTime(load, now);
    int count = epoll_pwait2(load->epoll, events, eventsMax, &wait, NULL);
    now = nowNs();
    for (int i = 0; i < count; i += 1) take(load, events[i].data.ptr, now);
  }
}

int main(int count, char **arguments) {
  if (count != 8) {
    fprintf(stderr, "datagrams PORT CLIENTS UNDER_WAY RATE AT_ONCE SECONDS stay|once\n");
    return 2;
  }
  struct Load load = {.port = atoi(arguments[1]),
                      .clients = atoi(arguments[2]),
                      .underWay = atoi(arguments[3]),
                      .atOnce = atoi(arguments[5]),
                      .once = strcmp(arguments[7], "once") == 0};
  double rate = atof(arguments[4]), seconds = atof(arguments[6]);
  load.everyNs = rate > 0 ? 1e9 / rate : 0;
  load.epoll = epoll_create1(EPOLL_CLOEXEC);
  load.all = calloc(load.clients, sizeof *load.all);
  /* Two runs do not share addresses, nor ports. */
  load.tags = (uint64_t)getpid() << 8;
  prctl(PR_SET_TIMERSLACK, 1000);
  for (int i = 0; i < load.clients; i += 1) come(&load, &load.all[i]);
  load.startNs = nowNs();
  load.endNs = load.startNs + (int64_t)(seconds * 1e9);
  for (int i = 0; i < load.clients; i += 1) refill(&load, &load.all[i], load.startNs);
  run(&load);
  printf("{\"sent\":%ld,\"answered\":%ld,\"wrong\":%ld,\"seconds\":%.3f}\n", load.sent,
         load.answered, load.wrong, seconds);
  return 0;
}
