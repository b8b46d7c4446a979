// Datagrams that are balanced each by itself: shared sockets towards backends, and no replies.

#include <linux/filter.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <cerrno>

#include "datagrams.h"

namespace midstream {

namespace {

// Nobody reads there: the kernel is not to keep anything.
void take_nothing(int fd) {
  sock_filter nothing = BPF_STMT(BPF_RET | BPF_K, 0);
  const sock_fprog program{1, &nothing};
  (void)setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program));
}

}  // namespace

void Datagrams::forward_single(Session& session, uint32_t target, uint32_t terms) {
  int error = 0;
  Outlet* outlet = outlet_for(session, target, terms, &error);
  if (outlet == nullptr) return fail(session, error);
  Port& port = ports_.at(session.port);
  if (session.held != nullptr) {
    for (const std::string& datagram : session.held->list) {
      send_single(port, *outlet, datagram.data(), datagram.size());
    }
  }
  for (uint32_t at = session.first_span; at != UINT32_MAX; at = spans_[at].next) {
    send_single(port, *outlet, spans_[at].data, spans_[at].bytes);
  }
  release(session);
}

// The socket for a target and terms, and a client where the backend is to see its address; null, with
// an errno, when there is none to be had.
Outlet* Datagrams::outlet_for(const Session& session, uint32_t target, uint32_t terms,
                              int* error) {
  OutletKey key;
  key.port = session.port;
  key.target = target;
  key.terms = terms;
  if (ports_.at(session.port).transparent) key.client = session.client;
  if (Outlet* known = outlets_.find(key); known != nullptr) {
    outlets_.note_use(*known, host_.clock_ms);
    return known;
  }
  if (outlets_.used() >= limits::kSingleSocketsMax) close_outlet(*outlets_.oldest());
  UniqueFd fd;
  *error = open_socket(session, targets_[target], terms_[terms].source, &fd);
  if (*error != 0) return nullptr;
  take_nothing(fd.get());
  Outlet* outlet = outlets_.add(key, std::move(fd));
  if (outlet == nullptr) {
    *error = ENOSPC;
    return nullptr;
  }
  outlet->used_ms = host_.clock_ms;
  // Errors are told unasked.
  if (!watch(outlet->fd.get(), {Tag::kOutlet, outlet->slot, outlet->generation}, 0, true)) {
    *error = errno;
    outlets_.remove(*outlet);
    return nullptr;
  }
  return outlet;
}

void Datagrams::send_single(Port& port, Outlet& outlet, const char* data, size_t bytes) {
  // The first time an error is perhaps about an earlier datagram.
  for (int attempt = 0;; ++attempt) {
    if (send(outlet.fd.get(), data, bytes, MSG_DONTWAIT) >= 0) return;
    if (errno == EINTR) continue;
    if (errno == ECONNREFUSED) ++outlet.refused;
    if (attempt == 0 && (errno == ECONNREFUSED || errno == EMSGSIZE)) continue;
    break;
  }
  switch (errno) {
    case EAGAIN:
    case ENOBUFS:
    case ENOMEM:
      return drop(port, Drop::kSendFull, 1);
    case EMSGSIZE:
      return drop(port, Drop::kTooLarge, 1);
    default:
      return drop(port, Drop::kSendFailed, 1);
  }
}

void Datagrams::on_outlet(uint32_t slot, uint32_t generation) {
  Outlet* outlet = outlets_.find(slot, generation);
  if (outlet == nullptr) return;
  int error = 0;
  socklen_t length = sizeof(error);
  (void)getsockopt(outlet->fd.get(), SOL_SOCKET, SO_ERROR, &error, &length);
  if (error == ECONNREFUSED) ++outlet->refused;
}

void Datagrams::tell_refused(Outlet& outlet) {
  const uint32_t count = std::exchange(outlet.refused, 0);
  if (count == 0) return;
  const uint32_t listener = ports_.at(outlet.key.port).listener;
  host_.events.add(datagram_rows::target_refused(listener, outlet.key.target, count), false,
                   host_.now_ms);
}

void Datagrams::close_outlet(Outlet& outlet) {
  tell_refused(outlet);
  outlets_.remove(outlet);
}

void Datagrams::close_unused_outlets() {
  for (Outlet* outlet = outlets_.oldest();
       outlet != nullptr && outlet->used_ms + limits::kSingleSocketIdleMs <= host_.clock_ms;
       outlet = outlets_.oldest()) {
    close_outlet(*outlet);
  }
  outlets_.for_each([this](Outlet& outlet) { tell_refused(outlet); });
}

}  // namespace midstream
