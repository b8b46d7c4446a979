// Connecting to backends.

#include <sys/epoll.h>

#include <cerrno>

#include "engine.h"
#include "socket_option.h"

namespace midstream {

void Engine::connect(Connection& connection, uint32_t target_index, uint32_t terms_index) {
  if (connection.phase != Phase::kAccepted) return;
  const SocketAddress& target = targets_[target_index];
  connection.terms = terms_[terms_index];
  connection.phase = Phase::kConnecting;
  connection.connect_started_ms = clock_ms_;
  if (!begin_backend_tls(connection, target)) return fail_connect(connection, EINVAL);
  UniqueFd fd(socket(target.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return fail_connect(connection, errno);
  Side& backend = connection.side[kBackend];
  const bool in_clear = backend.tls == nullptr && connection.side[kClient].tls == nullptr;
  backend.reads_in_parts = target.family() == AF_UNIX;
  backend.acknowledges_late = in_clear && target.family() != AF_UNIX;
  // Most clients have spoken by the time that the backend is reached: one packet less.
  if (backend.acknowledges_late) hold_acknowledgement(fd.get());
  if (::connect(fd.get(), target.get(), target.length) != 0 && errno != EINPROGRESS) {
    return fail_connect(connection, errno);
  }
  backend.fd = std::move(fd);
  if (!watch(connection, kBackend, true)) return fail_connect(connection, errno);
  const uint64_t timeout_ms = connection.terms.connect_timeout_ms;
  const bool is_short = timeout_ms != 0 && timeout_ms < limits::kWatchClientMs;
  wheel_.schedule(connection, clock_ms_ + (is_short ? timeout_ms : limits::kWatchClientMs));
}

void Engine::on_connecting(Connection& connection, uint32_t events) {
  if ((events & (EPOLLERR | EPOLLHUP)) != 0) {
    int error = 0;
    socklen_t length = sizeof(error);
    getsockopt(connection.side[kBackend].fd.get(), SOL_SOCKET, SO_ERROR, &error, &length);
    // A refused dial says ECONNREFUSED. ECONNRESET was said by a backend that had accepted: the
    // relay finds out that it is gone.
    if (error != 0 && error != ECONNRESET) return fail_connect(connection, error);
  }
  if ((events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) == 0) return;
  Side& backend = connection.side[kBackend];
  note_events(backend, events);
  connection.backend_reset = (events & EPOLLERR) != 0;
  if (backend.tls != nullptr) return secure_backend(connection);
  if (connection.side[kClient].tls != nullptr) return start_tls_relay(connection);
  start_relay(connection);
}

void Engine::fail_connect(Connection& connection, int error, TlsFailure failure) {
  wheel_.cancel(connection);
  connection.side[kBackend] = Side{};
  connection.phase = Phase::kAccepted;
  // The next dial brings its own.
  prefixes_.erase(connection.slot);
  events_.failed(Slots::id_of(connection), error, failure, now_ms_);
}

void Engine::start_relay(Connection& connection) {
  wheel_.cancel(connection);
  connection.phase = Phase::kRelaying;
  Side& client = connection.side[kClient];
  Side& backend = connection.side[kBackend];
  client.last_read_ms = backend.last_read_ms = clock_ms_;
  client.writable = backend.writable = true;
  // Most clients have spoken by now. Reading before watching saves an event.
  client.readable = true;
  events_.connected(Slots::id_of(connection), now_ms_);
  const auto prefix = prefixes_.find(connection.slot);
  const bool has_prefix = prefix != prefixes_.end();
  if (has_prefix) {
    connection.direction[kClient].pending.set(prefix->second.data(), prefix->second.size());
    connection.direction[kClient].uncounted = prefix->second.size();
    prefixes_.erase(prefix);
    make_prompt(backend.fd.get());
    backend.prompt = true;
  }
  schedule_idle(connection);
  const double id = Slots::id_of(connection);
  if (connection.backend_reset) {
    end(connection, CloseReason::kBackendReset, true);
    return;
  }
  pump(connection, kClient);
  if (slots_.find(id) != &connection) return;
  if (backend.acknowledges_late && !has_prefix && connection.direction[kClient].bytes == 0) {
    acknowledge(backend.fd.get());
  }
  if (!watch(connection, kClient, client.out_watched)) {
    end(connection, CloseReason::kConnectFailed, true);
    return;
  }
  if (backend.readable) pump(connection, kBackend);
}

}  // namespace midstream
