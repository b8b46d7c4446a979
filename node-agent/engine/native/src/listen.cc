// Listening and accepting.

#include <fcntl.h>
#include <sys/epoll.h>

#include <cerrno>

#include "engine.h"
#include "socket_option.h"
#include "tag.h"

namespace midstream {

namespace {

int port_of(int fd) {
  sockaddr_in6 address{};
  socklen_t length = sizeof(address);
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length) != 0) return 0;
  if (address.sin6_family != AF_INET && address.sin6_family != AF_INET6) return 0;
  // The port stands at the same place in both families.
  return ntohs(address.sin6_port);
}

bool is_listening(int fd) {
  int listening = 0;
  socklen_t length = sizeof(listening);
  return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &length) == 0 && listening == 1;
}

bool out_of_descriptors(int error) {
  return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

bool is_about_listener(int error) {
  return error == EINVAL || error == EBADF || error == ENOTSOCK || error == EOPNOTSUPP;
}

// Accepted sockets inherit these.
void set_accepted_options(int fd) {
  make_prompt(fd);
  keep_alive(fd);
}

UniqueFd open_reserve() { return UniqueFd(open("/dev/null", O_RDONLY | O_CLOEXEC)); }

}  // namespace

int Engine::listen_tcp(uint32_t listener, const char* host, int port, bool reuse_port, int backlog,
                       int* bound_port) {
  // A listener that is open already stays as it is.
  const int known = descriptor_of(listener);
  if (known >= 0) {
    *bound_port = port_of(known);
    return 0;
  }
  SocketAddress address;
  if (!address.set_tcp(host, port)) return EINVAL;
  UniqueFd fd(socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return errno;
  set_option(fd.get(), SOL_SOCKET, SO_REUSEADDR);
  if (reuse_port) set_option(fd.get(), SOL_SOCKET, SO_REUSEPORT);
  // The wildcard takes IPv4 as well, whatever the system's default is.
  if (address.is_wildcard_v6()) clear_option(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY);
  set_accepted_options(fd.get());
  if (bind(fd.get(), address.get(), address.length) != 0) return errno;
  if (::listen(fd.get(), backlog) != 0) return errno;
  *bound_port = port_of(fd.get());
  return start_listener(listener, fd, {});
}

int Engine::listen_unix(uint32_t listener, const std::string& path, int backlog) {
  if (descriptor_of(listener) >= 0) return 0;
  SocketAddress address;
  if (!address.set_unix(path)) return ENAMETOOLONG;
  UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return errno;
  if (bind(fd.get(), address.get(), address.length) != 0) return errno;
  int error = ::listen(fd.get(), backlog) == 0 ? 0 : errno;
  if (error == 0) error = start_listener(listener, fd, path);
  if (error != 0) (void)unlink(path.c_str());
  return error;
}

int Engine::listen_adopted(uint32_t listener, int fd, const std::string& path, int* bound_port) {
  if (descriptor_of(listener) >= 0) return EEXIST;
  if (!is_listening(fd)) return EINVAL;
  const int flags = fcntl(fd, F_GETFL);
  if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0) return errno;
  if (fcntl(fd, F_SETFD, FD_CLOEXEC) != 0) return errno;
  *bound_port = port_of(fd);
  if (path.empty()) set_accepted_options(fd);
  UniqueFd adopted(fd);
  const int error = start_listener(listener, adopted, path);
  // Until it is accepted from, it is the caller's.
  if (error != 0) adopted.release();
  return error;
}

int Engine::start_listener(uint32_t listener, UniqueFd& fd, const std::string& path) {
  if (stopping_) return ECANCELED;
  if (listeners_.size() >= limits::kListenersMax) return ENOSPC;
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = Tag{Tag::kListener, 0, listener}.pack();
  if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd.get(), &event) != 0) return errno;
  Listener& entry = listeners_[listener];
  entry.fd = std::move(fd);
  entry.path = path;
  refresh_reference();
  return 0;
}

void Engine::unlisten(uint32_t listener, bool keep_path) {
  const auto found = listeners_.find(listener);
  if (found == listeners_.end()) return;
  const Listener& entry = found->second;
  // A descriptor that another process has as well stays in the set after it is closed here.
  (void)epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, entry.fd.get(), nullptr);
  if (!keep_path && !entry.path.empty()) (void)unlink(entry.path.c_str());
  listeners_.erase(found);
  refresh_reference();
}

int Engine::descriptor_of(uint32_t listener) const {
  const auto found = listeners_.find(listener);
  return found == listeners_.end() ? -1 : found->second.fd.get();
}

void Engine::on_listener(uint32_t listener) {
  const auto found = listeners_.find(listener);
  if (found == listeners_.end() || found->second.paused) return;
  for (int count = 0; count < limits::kAcceptsPerTurn; ++count) {
    sockaddr_storage peer{};
    socklen_t length = sizeof(peer);
    UniqueFd fd(accept4(found->second.fd.get(), reinterpret_cast<sockaddr*>(&peer), &length,
                        SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (fd.valid()) {
      admit(std::move(fd), peer, listener);
      if (found->second.paused) return;
      continue;
    }
    if (errno == EAGAIN) return;
    if (out_of_descriptors(errno) || is_about_listener(errno)) {
      events_.accept_failed(listener, errno, now_ms_);
      if (out_of_descriptors(errno)) shed_one(found->second);
      pause(found->second);
      return;
    }
    // Anything else is about the connection that failed, not about the listener: go on.
  }
}

void Engine::admit(UniqueFd fd, const sockaddr_storage& peer, uint32_t listener) {
  Connection* connection = slots_.allocate();
  if (connection == nullptr) {
    // Told once for a pause: the client is closed, and those behind it wait.
    Listener& full = listeners_[listener];
    if (!full.paused) events_.accept_failed(listener, ENOBUFS, now_ms_);
    pause(full);
    return;
  }
  connection->phase = Phase::kAccepted;
  connection->listener = listener;
  connection->side[kClient].fd = std::move(fd);
  connection->side[kClient].reads_in_parts = peer.ss_family == AF_UNIX;
  if (peer.ss_family == AF_INET || peer.ss_family == AF_INET6) {
    memcpy(&connection->peer, &peer, sizeof(connection->peer));
  }
  events_.accepted(Slots::id_of(*connection), listener, connection->peer, now_ms_);
}

// Out of descriptors: the reserve makes room to take one client out of the queue and end it.
void Engine::shed_one(Listener& listener) {
  reserve_.reset();
  UniqueFd(accept4(listener.fd.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)).reset();
  reserve_ = open_reserve();
}

// Accepting rests for a while, so that a queue that cannot be taken from does not spin the loop.
void Engine::pause(Listener& listener) {
  listener.paused = true;
  (void)epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, listener.fd.get(), nullptr);
  // Not later for those that rest already.
  if (accept_retry_ms_ == 0) accept_retry_ms_ = now_ms_ + limits::kAcceptRetryMs;
}

void Engine::resume_listeners() {
  if (accept_retry_ms_ == 0 || now_ms_ < accept_retry_ms_) return;
  accept_retry_ms_ = 0;
  if (!reserve_.valid()) reserve_ = open_reserve();
  for (auto& [number, listener] : listeners_) {
    if (!listener.paused) continue;
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = Tag{Tag::kListener, 0, number}.pack();
    listener.paused = epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, listener.fd.get(), &event) != 0;
    if (listener.paused) accept_retry_ms_ = now_ms_ + limits::kAcceptRetryMs;
  }
}

}  // namespace midstream
