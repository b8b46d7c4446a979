// Moving bytes where one side has TLS, or both. What is said on one side is opened, or read, into the
// engine's buffer and sealed, or sent, from there; a batch of records leaves with one call.

#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "engine.h"
#include "socket_option.h"
#include "tls_session.h"

namespace midstream {

namespace {

// Whether a side has said something that may be read now.
bool has_input(const Side& side) {
  return side.tls == nullptr ? side.readable : side.tls->has_input();
}

}  // namespace

void Engine::start_tls_relay(Connection& connection) {
  wheel_.cancel(connection);
  connection.phase = Phase::kRelayingTls;
  Side& client = connection.side[kClient];
  Side& backend = connection.side[kBackend];
  client.last_read_ms = backend.last_read_ms = clock_ms_;
  if (client.tls == nullptr) client.readable = client.writable = true;
  if (backend.tls == nullptr) {
    backend.writable = true;
    make_prompt(backend.fd.get());
    backend.prompt = true;
  }
  events_.connected(Slots::id_of(connection), now_ms_);
  const double id = Slots::id_of(connection);
  if (!send_prefix(connection) || connection.backend_reset) {
    end(connection, CloseReason::kBackendReset, true);
    return;
  }
  schedule_idle(connection);
  pump_tls(connection, kClient);
  if (slots_.find(id) != &connection) return;
  if (!watch(connection, kClient, client.out_watched)) {
    end(connection, CloseReason::kConnectFailed, true);
    return;
  }
  pump_tls(connection, kBackend);
}

bool Engine::send_prefix(Connection& connection) {
  const auto prefix = prefixes_.find(connection.slot);
  if (prefix == prefixes_.end()) return true;
  Direction& way = connection.direction[kClient];
  const Side& backend = connection.side[kBackend];
  way.uncounted = prefix->second.size();
  const std::string bytes = std::move(prefix->second);
  prefixes_.erase(prefix);
  if (backend.tls != nullptr) return backend.tls->write(bytes.data(), bytes.size());
  way.pending.set(bytes.data(), bytes.size());
  return true;
}

void Engine::relay_tls_side(Connection& connection, int side, uint32_t events) {
  const double id = Slots::id_of(connection);
  Side& self = connection.side[side];
  const auto lives = [&] { return slots_.find(id) == &connection; };
  if (has_input(self)) pump_tls(connection, side);
  if (!lives()) return;
  if (self.writable && (events & (EPOLLOUT | EPOLLERR)) != 0) {
    pump_tls(connection, 1 - side);
    // What it was answered is gone: it may be read again.
    if (lives() && has_input(self)) pump_tls(connection, side);
  }
  if (lives()) note_gone(connection, side, events);
}

void Engine::pump_tls(Connection& connection, int direction) {
  if (connection.phase != Phase::kRelayingTls) return;
  Direction& way = connection.direction[direction];
  Side& from = connection.side[direction];
  Side& to = connection.side[1 - direction];
  wire_->reads_left = limits::kReadsPerTurn;
  for (size_t turn_bytes = 0;;) {
    // The end of a stream leaves together with what was said last.
    if (way.source_done && !way.end_sent && to.tls != nullptr) to.tls->say_end();
    Step step = flush_tls(connection, direction);
    if (step == Step::kBlocked) way.big_reads = 0;
    if (step != Step::kGoOn) return;
    if (way.end_sent && !way.source_done) {
      discard_source(connection, direction);
      return;
    }
    if (way.source_done) {
      finish(connection, direction);
      return;
    }
    if (!has_input(from) || !to.writable) return;
    if (turn_bytes >= limits::kTlsTurnBytes || wire_->reads_left <= 0) {
      list_as_ready(connection);
      return;
    }
    step = to.tls == nullptr ? open_one(connection, direction, &turn_bytes)
                             : seal_batch(connection, direction, &turn_bytes);
    if (step == Step::kGone) return;
  }
}

// Sends what waits for the sink of a direction.
Engine::Step Engine::flush_tls(Connection& connection, int direction) {
  const int sink = 1 - direction;
  if (connection.side[sink].tls == nullptr) return flush(connection, direction);
  return send_tls(connection, sink);
}

Engine::Step Engine::send_tls(Connection& connection, int side) {
  TlsSession& tls = *connection.side[side].tls;
  if (tls.queued() == 0) return Step::kGoOn;
  size_t moved = 0;
  // The socket's own end of stream follows at once: one segment holds both.
  const TlsSession::Sent sent = tls.send(&moved, tls.has_said_end() ? MSG_MORE : 0);
  const int error = errno;
  if (moved > 0) {
    // Bytes that move are no silence, though they were read long ago.
    connection.side[1 - side].last_read_ms = clock_ms_;
    note_moved(connection, 1 - side, moved);
  }
  switch (sent) {
    case TlsSession::Sent::kAll:
      return Step::kGoOn;
    case TlsSession::Sent::kBlocked:
      watch(connection, side, true);
      return Step::kBlocked;
    case TlsSession::Sent::kRefused:
      break;
  }
  if (tls.has_said_end() && tls.plain_queued() == 0) {
    // A peer that is gone cannot be told of the end; that is no reset of it.
    tls.drop_output();
    return Step::kGoOn;
  }
  return refused(connection, 1 - side, error);
}

// Reads what a side says into the engine's buffer. What was read counts, whatever comes after it.
Engine::Heard Engine::hear(Connection& connection, int side, size_t* got) {
  Side& self = connection.side[side];
  const Heard heard = self.tls == nullptr ? hear_plain(self, got) : hear_sealed(*self.tls, got);
  if (*got > 0) self.last_read_ms = clock_ms_;
  return heard;
}

Engine::Heard Engine::hear_sealed(TlsSession& tls, size_t* got) {
  switch (tls.read(buffer_.data(), buffer_.size(), got)) {
    case TlsSession::Status::kDone:
    case TlsSession::Status::kBlocked:
      return Heard::kMore;
    case TlsSession::Status::kEnded:
      return Heard::kEnd;
    case TlsSession::Status::kBroken:
    case TlsSession::Status::kFailed:
      break;
  }
  return Heard::kReset;
}

Engine::Heard Engine::hear_plain(Side& side, size_t* got) {
  const ssize_t size = recv(side.fd.get(), buffer_.data(), buffer_.size(), 0);
  --wire_->reads_left;
  if (size == 0) return Heard::kEnd;
  if (size < 0) {
    if (errno == EINTR) return Heard::kMore;
    if (errno != EAGAIN && errno != EWOULDBLOCK) return Heard::kReset;
    side.readable = false;
    side.read_to_end = false;
    return Heard::kMore;
  }
  *got = static_cast<size_t>(size);
  // A short read drained the socket. With the end already announced, it was the last one.
  if (*got < buffer_.size() && !side.read_to_end && !side.reads_in_parts) {
    if (side.hung_up) return Heard::kEnd;
    side.readable = false;
  }
  return Heard::kMore;
}

Engine::Step Engine::note_heard(Connection& connection, int side, Heard heard) {
  const TlsSession* tls = connection.side[side].tls.get();
  if (tls != nullptr && tls->queued() > 0) {
    // An answer of the library's own: to a request for new keys, or an alert.
    const Step step = send_tls(connection, side);
    if (step == Step::kGone) return step;
  }
  switch (heard) {
    case Heard::kMore:
      break;
    case Heard::kEnd:
      end_source(connection, side);
      break;
    case Heard::kReset:
      return reset(connection, side);
  }
  return Step::kGoOn;
}

// From a side with TLS to one without.
Engine::Step Engine::open_one(Connection& connection, int direction, size_t* turn_bytes) {
  Direction& way = connection.direction[direction];
  Side& to = connection.side[1 - direction];
  size_t size = 0;
  const Heard heard = hear(connection, direction, &size);
  *turn_bytes += size;
  if (size > 0) {
    const ssize_t sent = send(to.fd.get(), buffer_.data(), size, MSG_NOSIGNAL);
    const bool is_full = sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
    if (sent < 0 && !is_full && errno != EINTR) return refused(connection, direction, errno);
    const size_t taken = sent > 0 ? static_cast<size_t>(sent) : 0;
    note_moved(connection, direction, taken);
    if (taken < size) way.pending.set(buffer_.data() + taken, size - taken);
    if (is_full) {
      to.writable = false;
      watch(connection, 1 - direction, true);
    }
  }
  return note_heard(connection, direction, heard);
}

// To a side with TLS. What a direction seals before it sends grows while the sink takes all of it.
Engine::Step Engine::seal_batch(Connection& connection, int direction, size_t* turn_bytes) {
  Direction& way = connection.direction[direction];
  Side& from = connection.side[direction];
  TlsSession& to = *connection.side[1 - direction].tls;
  const size_t batch = limits::kTlsBatchBytes << way.big_reads;
  do {
    size_t size = 0;
    const Heard heard = hear(connection, direction, &size);
    *turn_bytes += size;
    if (size > 0 && !to.write(buffer_.data(), size)) return reset(connection, 1 - direction);
    if (heard == Heard::kReset) {
      const Step step = send_tls(connection, 1 - direction);
      if (step == Step::kGone) return step;
    }
    const Step step = note_heard(connection, direction, heard);
    if (step != Step::kGoOn) return step;
  } while (to.queued() < batch && has_input(from) && !way.source_done && wire_->reads_left > 0);
  const bool is_bulk = to.queued() >= batch;
  if (!is_bulk) way.big_reads = 0;
  if (is_bulk && way.big_reads < limits::kTlsBatchDoublings) ++way.big_reads;
  return Step::kGoOn;
}

// Sends what waits and then the end of a stream, as far as TLS has one.
Engine::Step Engine::drain(Connection& connection, int direction) {
  TlsSession* to = connection.side[1 - direction].tls.get();
  if (to != nullptr) to->say_end();
  return flush_tls(connection, direction);
}

// Of a side that is being closed: its peer hears that it was meant.
void Engine::say_end(Connection& connection, int side) {
  TlsSession* tls = connection.side[side].tls.get();
  if (tls == nullptr) return;
  tls->say_end();
  size_t moved = 0;
  (void)tls->send(&moved);
  if (moved > 0) note_moved(connection, 1 - side, moved);
}

}  // namespace midstream
