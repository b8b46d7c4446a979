// How connections end: by command, by silence, by their deadlines.

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "engine.h"
#include "socket_option.h"
#include "tls_session.h"

namespace midstream {

void Engine::close_by_command(Connection& connection, bool abort, CloseReason reason) {
  const bool relays =
      connection.phase == Phase::kRelaying || connection.phase == Phase::kRelayingTls;
  if (abort || (!relays && connection.phase != Phase::kFlushing)) {
    end(connection, reason, abort);
    return;
  }
  if (relays) start_flushing(connection, reason);
}

void Engine::start_flushing(Connection& connection, CloseReason reason) {
  connection.phase = Phase::kFlushing;
  connection.first_end = reason;
  wheel_.schedule(connection, clock_ms_ + limits::kFlushMs);
  finish_flushing(connection);
}

// Sends what is queued, ends both streams, and waits until both peers have ended theirs: a socket
// that is closed with bytes unread resets its peer, which may lose what was sent to it before.
void Engine::finish_flushing(Connection& connection) {
  bool is_over = true;
  for (const int direction : {kClient, kBackend}) {
    Direction& way = connection.direction[direction];
    if (!way.end_sent && drain(connection, direction) == Step::kGoOn && !way.end_sent) {
      way.end_sent = true;
      (void)shutdown(connection.side[1 - direction].fd.get(), SHUT_WR);
    }
    if (!way.source_done) discard_source(connection, direction);
    is_over = is_over && way.end_sent && way.source_done;
  }
  if (is_over) end(connection, connection.first_end, false);
}

// Reads and throws away what a side still says, up to its end.
void Engine::discard_source(Connection& connection, int side) {
  Side& from = connection.side[side];
  for (int turn = 0; from.readable; ++turn) {
    if (turn == limits::kReadsPerTurn) {
      list_as_ready(connection);
      return;
    }
    const ssize_t got = recv(from.fd.get(), buffer_.data(), buffer_.size(), 0);
    if (got > 0 || (got < 0 && errno == EINTR)) continue;
    from.readable = false;
    connection.direction[side].source_done = got == 0 || (errno != EAGAIN && errno != EWOULDBLOCK);
  }
}

void Engine::end(Connection& connection, CloseReason reason, bool abort) {
  const double id = Slots::id_of(connection);
  wheel_.cancel(connection);
  prefixes_.erase(connection.slot);
  for (int side : {kClient, kBackend}) {
    give_back_pipe(connection.direction[side]);
    if (!abort) say_end(connection, side);
    const int fd = connection.side[side].fd.get();
    if (abort && fd >= 0) {
      const linger hard{1, 0};
      (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
    }
  }
  events_.closed({id, reason, connection.direction[kBackend].bytes,
                  connection.direction[kClient].bytes, connection.tls_failure},
                 now_ms_);
  slots_.release(connection);
  if (slots_.used() == 0) refresh_reference();
}

void Engine::on_deadline(Connection& connection) {
  switch (connection.phase) {
    case Phase::kFree:
    case Phase::kAccepted:
      return;
    case Phase::kPeeking:
      tell_peeked(connection, PeekOutcome::kTimeout);
      return;
    case Phase::kSecuringClient:
      end(connection, CloseReason::kHandshakeTimeout, false);
      return;
    case Phase::kFlushing:
      // Whoever has not taken everything by now must not think that it has.
      end(connection, connection.first_end, has_queue(connection));
      return;
    case Phase::kConnecting:
    case Phase::kSecuringBackend: {
      const uint64_t timeout_ms = connection.terms.connect_timeout_ms;
      const uint64_t deadline_ms = connection.connect_started_ms + timeout_ms;
      if (timeout_ms != 0 && clock_ms_ >= deadline_ms) return fail_connect(connection, ETIMEDOUT);
      if (!connection.side[kClient].watched) watch(connection, kClient, false);
      if (timeout_ms != 0) wheel_.schedule(connection, deadline_ms);
      return;
    }
    case Phase::kRelaying:
    case Phase::kRelayingTls:
      settle(connection);
      schedule_idle(connection);
  }
}

bool Engine::has_queue(const Connection& connection) {
  const auto holds = [](const Direction& way) { return !way.pending.empty() || way.in_pipe > 0; };
  const auto holds_sealed = [](const Side& side) { return side.tls != nullptr && side.tls->queued() > 0; };
  return holds(connection.direction[kClient]) || holds(connection.direction[kBackend]) ||
         holds_sealed(connection.side[kClient]) || holds_sealed(connection.side[kBackend]);
}

// A connection that has lived this long is one to look after; of most others nobody would notice.
void Engine::settle(Connection& connection) {
  Side& backend = connection.side[kBackend];
  if (backend.kept_alive) return;
  backend.kept_alive = true;
  keep_alive(backend.fd.get());
}

// When a side was last heard, as the terms see it. A side that is not read because the other one is
// slow cannot be told from a silent one, and one that has ended can send no more.
uint64_t Engine::heard_ms(const Connection& connection, int side) const {
  const Side& self = connection.side[side];
  const uint64_t either_ms =
      std::max(connection.side[kClient].last_read_ms, connection.side[kBackend].last_read_ms);
  if (connection.terms.two_way || connection.direction[side].source_done) return either_ms;
  const bool is_unread = self.readable || (self.tls != nullptr && self.tls->has_input());
  return is_unread && !connection.side[1 - side].writable ? clock_ms_ : self.last_read_ms;
}

// Closes the connection when it was silent for too long, otherwise sets its next deadline.
void Engine::schedule_idle(Connection& connection) {
  const Terms& terms = connection.terms;
  uint64_t next_ms = UINT64_MAX;
  CloseReason reason = CloseReason::kClientIdle;
  const auto consider = [&](uint64_t idle_ms, uint64_t since_ms, CloseReason why) {
    if (idle_ms == 0 || since_ms + idle_ms >= next_ms) return;
    next_ms = since_ms + idle_ms;
    reason = why;
  };
  consider(terms.client_idle_ms, heard_ms(connection, kClient), CloseReason::kClientIdle);
  consider(terms.backend_idle_ms, heard_ms(connection, kBackend), CloseReason::kBackendIdle);
  const Side& client = connection.side[kClient];
  const Side& backend = connection.side[kBackend];
  // An end behind bytes that the peer does not take is one as well.
  const bool has_end = connection.ended_once || client.hung_up || backend.hung_up;
  if (next_ms == UINT64_MAX && has_end) {
    const CloseReason unread = client.hung_up ? CloseReason::kClientClosed : CloseReason::kBackendClosed;
    consider(terms.half_closed_ms, std::max(client.last_read_ms, backend.last_read_ms),
             connection.ended_once ? connection.first_end : unread);
  }
  if (clock_ms_ >= next_ms) {
    end(connection, reason, false);
    return;
  }
  if (!connection.side[kBackend].kept_alive) {
    next_ms = std::min(next_ms, clock_ms_ + limits::kSettleMs);
  }
  if (next_ms != UINT64_MAX) wheel_.schedule(connection, next_ms);
}

}  // namespace midstream
