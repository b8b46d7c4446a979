// Sockets that clients send to: binding, giving up, and what did not reach its receiver.

#include <fcntl.h>
#include <sys/epoll.h>

#include <algorithm>
#include <cerrno>

#include "datagrams.h"
#include "socket_option.h"

namespace midstream {

namespace {

int transparent_error(int fd, int family) {
  const int on = 1;
  const int level = family == AF_INET ? IPPROTO_IP : IPPROTO_IPV6;
  const int name = family == AF_INET ? IP_TRANSPARENT : IPV6_TRANSPARENT;
  return setsockopt(fd, level, name, &on, sizeof(on)) == 0 ? 0 : errno;
}

// Whether this process may send from addresses of others.
int check_transparent(int family) {
  const UniqueFd probe(socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  return probe.valid() ? transparent_error(probe.get(), family) : errno;
}

bool local_address(int fd, sockaddr_in6* address) {
  socklen_t length = sizeof(*address);
  if (getsockname(fd, reinterpret_cast<sockaddr*>(address), &length) != 0) return false;
  return address->sin6_family == AF_INET || address->sin6_family == AF_INET6;
}

bool takes_datagrams(int fd) {
  int type = 0;
  socklen_t length = sizeof(type);
  return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &length) == 0 && type == SOCK_DGRAM;
}

// As much as the system allows, or more where this process may say so.
void ask_for_buffers(int fd) {
  const int bytes = limits::kPortBufferBytes;
  if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) != 0) {
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
  }
  if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes)) != 0) {
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
  }
}

}  // namespace

Datagrams::Datagrams(DatagramHost host)
    : host_(std::move(host)), index_(sessions_), wheel_(sessions_) {}

int Datagrams::bind(uint32_t listener, const SocketAddress& address, bool reuse_port,
                    PortTerms terms, int* bound_port) {
  // A listener that is open already stays as it is.
  if (const Port* known = port_of(listener); known != nullptr) {
    sockaddr_in6 local{};
    *bound_port = local_address(known->fd.get(), &local) ? ntohs(local.sin6_port) : 0;
    return 0;
  }
  UniqueFd fd(socket(address.family(), SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return errno;
  // Not SO_REUSEADDR: of UDP it lets anybody take the address away.
  if (reuse_port) set_option(fd.get(), SOL_SOCKET, SO_REUSEPORT);
  if (address.is_wildcard_v6()) clear_option(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY);
  if (::bind(fd.get(), address.get(), address.length) != 0) return errno;
  return start_port(listener, fd, terms, bound_port);
}

int Datagrams::adopt(uint32_t listener, int fd, PortTerms terms, int* bound_port) {
  if (port_of(listener) != nullptr) return EEXIST;
  if (!takes_datagrams(fd)) return EINVAL;
  const int flags = fcntl(fd, F_GETFL);
  if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0) return errno;
  if (fcntl(fd, F_SETFD, FD_CLOEXEC) != 0) return errno;
  UniqueFd adopted(fd);
  const int error = start_port(listener, adopted, terms, bound_port);
  // Until it is received from, it is the caller's.
  if (error != 0) adopted.release();
  return error;
}

int Datagrams::start_port(uint32_t listener, UniqueFd& fd, PortTerms terms, int* bound_port) {
  sockaddr_in6 address{};
  if (!local_address(fd.get(), &address) || address.sin6_port == 0) return EINVAL;
  if (ports_.used() >= limits::kListenersMax) return ENOSPC;
  const int family = address.sin6_family;
  if (terms.transparent) {
    if (const int error = check_transparent(family); error != 0) return error;
  }
  const Endpoint local = endpoint_of(address);
  const bool wildcard = family == AF_INET ? unmapped(local.address).s_addr == INADDR_ANY
                                          : is_unspecified(local.address);
  if (wildcard) {
    const bool v4 = family == AF_INET;
    set_option(fd.get(), v4 ? IPPROTO_IP : IPPROTO_IPV6, v4 ? IP_PKTINFO : IPV6_RECVPKTINFO);
  }
  set_option(fd.get(), SOL_UDP, UDP_GRO);
  ask_for_buffers(fd.get());
  Port* port = ports_.allocate();
  if (port == nullptr) return ENOSPC;
  port->in_use = true;
  if (!watch(fd.get(), {Tag::kPort, port->slot, port->generation}, EPOLLIN, true)) {
    const int error = errno;
    ports_.release(*port);
    return error;
  }
  if (batch_ == nullptr) batch_ = std::make_unique<ReceiveBatch>();
  if (replies_ == nullptr) replies_ = std::make_unique<ReplyBatch>();
  port->fd = std::move(fd);
  port->family = family;
  port->listener = listener;
  port->wildcard = wildcard;
  port->bound = true;
  port->single = terms.single;
  port->transparent = terms.transparent;
  port_by_listener_[listener] = port->slot;
  *bound_port = local.port;
  host_.refresh_reference();
  return 0;
}

bool Datagrams::watch(int fd, Tag tag, uint32_t events, bool is_new) {
  epoll_event event{};
  event.events = events | EPOLLET;
  event.data.u64 = tag.pack();
  return epoll_ctl(host_.epoll.get(), is_new ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, fd, &event) == 0;
}

// Only while something waits for room: each datagram that leaves would be an event otherwise.
void Datagrams::watch_out(Port& port, bool wanted) {
  if (port.out_watched == wanted) return;
  const uint32_t in = port.bound ? static_cast<uint32_t>(EPOLLIN) : 0u;
  // One that was unbound is not in the set any more.
  port.out_watched = watch(port.fd.get(), {Tag::kPort, port.slot, port.generation},
                           wanted ? in | EPOLLOUT : in, false) &&
                     wanted;
}

void Datagrams::watch_out(Session& session, bool wanted) {
  if (session.out_watched == wanted) return;
  const uint32_t in = EPOLLIN;
  session.out_watched = watch(session.fd.get(), {Tag::kSession, session.slot, session.generation},
                              wanted ? in | EPOLLOUT : in, false) &&
                        wanted;
}

Port* Datagrams::port_of(uint32_t listener) {
  const auto found = port_by_listener_.find(listener);
  return found == port_by_listener_.end() ? nullptr : &ports_.at(found->second);
}

int Datagrams::descriptor_of(uint32_t listener) {
  const Port* port = port_of(listener);
  return port == nullptr ? -1 : port->fd.get();
}

void Datagrams::adjust(uint32_t listener, PortTerms terms) {
  Port* port = port_of(listener);
  if (port == nullptr) return;
  port->single = terms.single;
  port->transparent = terms.transparent;
}

void Datagrams::seal(uint32_t listener) {
  if (Port* port = port_of(listener); port != nullptr) port->sealed = true;
}

void Datagrams::unbind(uint32_t listener, bool keep_address, SessionEnd reason) {
  Port* port = port_of(listener);
  if (port == nullptr) return;
  flush_replies();
  tell_drops(*port);
  // A descriptor that another process has as well stays in the set after it is closed here.
  (void)epoll_ctl(host_.epoll.get(), EPOLL_CTL_DEL, port->fd.get(), nullptr);
  port_by_listener_.erase(listener);
  port->bound = false;
  port->out_watched = false;
  while (!port->asked.empty()) release(sessions_.at(port->asked.first()));
  // What came here is answered from here, or not at all.
  for (const LinkedList* list : {&port->unproven, &port->proven}) {
    while (!keep_address && !list->empty()) end(sessions_.at(list->first()), reason);
  }
  outlets_.for_each([this, port](Outlet& outlet) {
    if (outlet.key.port == port->slot) close_outlet(outlet);
  });
  release_if_unused(*port);
  host_.refresh_reference();
}

void Datagrams::release_if_unused(Port& port) {
  if (port.bound || port.sessions > 0 || !port.in_use) return;
  tell_drops(port);
  held_bytes_ -= port.reply_bytes;
  ports_.release(port);
  host_.refresh_reference();
}

void Datagrams::drop(Port& port, Drop reason, uint32_t count) {
  port.dropped[static_cast<size_t>(reason)] += count;
  if (port.listed_as_dropping) return;
  port.listed_as_dropping = true;
  dropping_.push_back(port.slot);
}

void Datagrams::tell_drops(Port& port) {
  port.dropped_told_ms = host_.now_ms;
  for (size_t reason = 0; reason < static_cast<size_t>(Drop::kCount); ++reason) {
    const uint32_t count = std::exchange(port.dropped[reason], 0);
    if (count == 0) continue;
    host_.events.add(datagram_rows::dropped(port.listener, reason, count), false, host_.now_ms);
  }
}

void Datagrams::tell_due_drops() {
  const auto is_told = [this](uint32_t slot) {
    Port& port = ports_.at(slot);
    const uint64_t due_ms = port.dropped_told_ms + limits::kDropsToldMs;
    if (port.dropped_told_ms != 0 && host_.now_ms < due_ms) return false;
    port.listed_as_dropping = false;
    tell_drops(port);
    return true;
  };
  dropping_.erase(std::remove_if(dropping_.begin(), dropping_.end(), is_told), dropping_.end());
}

}  // namespace midstream
