#pragma once

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "limits.h"

namespace midstream {

inline void set_option(int fd, int level, int name) {
  const int on = 1;
  // A socket without an option works, only less well.
  (void)setsockopt(fd, level, name, &on, sizeof(on));
}

inline void clear_option(int fd, int level, int name) {
  const int off = 0;
  (void)setsockopt(fd, level, name, &off, sizeof(off));
}

// Small writes are not delayed.
inline void make_prompt(int fd) { set_option(fd, IPPROTO_TCP, TCP_NODELAY); }

// The third packet of a handshake that is about to begin waits for what is sent first, and goes with
// it as one. Whoever has nothing to send says so by `acknowledge`, or it waits for 200 ms.
inline void hold_acknowledgement(int fd) { clear_option(fd, IPPROTO_TCP, TCP_QUICKACK); }
inline void acknowledge(int fd) { set_option(fd, IPPROTO_TCP, TCP_QUICKACK); }

// A peer that vanished is noticed.
inline void keep_alive(int fd) {
  set_option(fd, SOL_SOCKET, SO_KEEPALIVE);
  (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &limits::kKeepAliveSeconds,
                   sizeof(limits::kKeepAliveSeconds));
}

}  // namespace midstream
