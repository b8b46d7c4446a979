// Looking at a client's first bytes before a backend is chosen. They stay in the kernel, so that
// relaying begins as if nobody had looked.

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "engine.h"

namespace midstream {

void Engine::peek(Connection& connection, uint32_t more_than, uint64_t timeout_ms) {
  if (connection.phase != Phase::kAccepted || connection.side[kClient].tls != nullptr) return;
  connection.phase = Phase::kPeeking;
  connection.peek_more_than = more_than;
  if (timeout_ms > 0) wheel_.schedule(connection, clock_ms_ + timeout_ms);
  // Watching tells at once what is there already.
  if (connection.side[kClient].watched) {
    try_peek(connection);
  } else if (!watch(connection, kClient, false)) {
    end(connection, CloseReason::kStopped, true);
  }
}

void Engine::try_peek(Connection& connection) {
  const Side& client = connection.side[kClient];
  ssize_t got = 0;
  do {
    got = recv(client.fd.get(), buffer_.data(), limits::kPeekBytesMax, MSG_PEEK);
  } while (got < 0 && errno == EINTR);
  if (got < 0 && errno != EAGAIN && errno != EWOULDBLOCK) {
    end(connection, CloseReason::kClientReset, true);
    return;
  }
  const size_t known = got > 0 ? static_cast<size_t>(got) : 0;
  if (known > connection.peek_more_than) {
    tell_peeked(connection, PeekOutcome::kMore);
  } else if (got == 0 || client.hung_up || known == limits::kPeekBytesMax) {
    tell_peeked(connection, PeekOutcome::kEnded);
  }
}

void Engine::tell_peeked(Connection& connection, PeekOutcome outcome) {
  wheel_.cancel(connection);
  connection.phase = Phase::kAccepted;
  events_.peeked(Slots::id_of(connection), outcome, now_ms_);
}

size_t Engine::first_bytes(double id, char* out, size_t size) {
  const Connection* connection = slots_.find(id);
  if (connection == nullptr || connection->phase != Phase::kAccepted) return 0;
  const ssize_t got = recv(connection->side[kClient].fd.get(), out,
                           std::min(size, limits::kPeekBytesMax), MSG_PEEK);
  return got > 0 ? static_cast<size_t>(got) : 0;
}

void Engine::discard(Connection& connection, size_t count) {
  if (connection.phase != Phase::kAccepted || connection.side[kClient].tls != nullptr) return;
  while (count > 0) {
    const ssize_t got = recv(connection.side[kClient].fd.get(), buffer_.data(),
                             std::min(count, buffer_.size()), 0);
    if (got < 0 && errno == EINTR) continue;
    // Only what was looked at is discarded, and that is there unless the client has reset.
    if (got <= 0) return;
    count -= static_cast<size_t>(got);
  }
}

}  // namespace midstream
