// Moving bytes: the hot path. Sockets are watched edge-triggered; what the kernel said last is
// kept per side, and a direction goes on until it is blocked, done, or had its turn.

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "direct_call.h"
#include "engine.h"
#include "socket_option.h"
#include "tag.h"

namespace midstream {

namespace {

bool would_block(int error) { return error == EAGAIN || error == EWOULDBLOCK; }

}  // namespace

void Engine::on_side(Connection& connection, int side, uint32_t events) {
  note_events(connection.side[side], events);
  switch (connection.phase) {
    case Phase::kFree:
      return;
    case Phase::kAccepted:
    case Phase::kConnecting:
      // Only a reset matters: a client that has ended its stream still wants its answer.
      if ((events & EPOLLERR) != 0) end(connection, CloseReason::kClientReset, true);
      return;
    case Phase::kSecuringBackend:
      if (side == kBackend) return list_as_securing(connection);
      if ((events & EPOLLERR) != 0) end(connection, CloseReason::kClientReset, true);
      return;
    case Phase::kSecuringClient:
      list_as_securing(connection);
      return;
    case Phase::kPeeking:
      try_peek(connection);
      return;
    case Phase::kFlushing:
      finish_flushing(connection);
      return;
    case Phase::kRelaying:
      relay_side(connection, side, events);
      return;
    case Phase::kRelayingTls:
      relay_tls_side(connection, side, events);
  }
}

// With EPOLLERR the end is not in order, however it looks: reading on tells. Data that came before a
// reset is followed by the error then, not taken for the whole.
void Engine::note_events(Side& side, uint32_t events) {
  if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) side.readable = true;
  if ((events & (EPOLLOUT | EPOLLERR)) != 0) side.writable = true;
  if ((events & (EPOLLPRI | EPOLLERR)) != 0) side.read_to_end = true;
  if (side.hung_up || (events & (EPOLLRDHUP | EPOLLHUP)) == 0 || (events & EPOLLERR) != 0) return;
  side.hung_up = true;
  // The end of a stream is activity, whoever reads it when.
  side.last_read_ms = clock_ms_;
}

void Engine::relay_side(Connection& connection, int side, uint32_t events) {
  const double id = Slots::id_of(connection);
  Side& self = connection.side[side];
  if (self.readable) pump(connection, side);
  if (slots_.find(id) != &connection) return;
  if (self.writable && (events & (EPOLLOUT | EPOLLERR)) != 0) pump(connection, 1 - side);
  if (slots_.find(id) != &connection) return;
  note_gone(connection, side, events);
}

void Engine::pump(Connection& connection, int direction) {
  if (connection.phase != Phase::kRelaying) return;
  Direction& way = connection.direction[direction];
  Side& from = connection.side[direction];
  Side& to = connection.side[1 - direction];
  uint64_t turn_bytes = 0;
  for (int turn = limits::kReadsPerTurn;; --turn) {
    Step step = flush(connection, direction);
    if (step != Step::kGoOn) return;
    if (way.end_sent && !way.source_done) {
      discard_source(connection, direction);
      return;
    }
    if (way.source_done) {
      finish(connection, direction);
      return;
    }
    if (!from.readable || !to.writable) return;
    if (turn == 0 || turn_bytes >= limits::kTurnBytes) {
      list_as_ready(connection);
      return;
    }
    const bool bulk = way.big_reads >= limits::kBulkReads && !from.read_to_end;
    step = bulk ? read_splice(connection, direction) : read_copy(connection, direction);
    if (step == Step::kGone) return;
    turn_bytes += way.in_pipe;
  }
}

void Engine::list_as_ready(Connection& connection) {
  if (!connection.listed_as_ready) ready_.push_back(Slots::id_of(connection));
  connection.listed_as_ready = true;
}

// Sends what waits. kGoOn: nothing waits any more.
Engine::Step Engine::flush(Connection& connection, int direction) {
  Direction& way = connection.direction[direction];
  Side& to = connection.side[1 - direction];
  while (!way.pending.empty() || way.in_pipe > 0) {
    if (!to.writable) return Step::kBlocked;
    const bool piped = way.in_pipe > 0;
    const ssize_t sent =
        piped ? splice(way.pipe->read_end.get(), nullptr, to.fd.get(), nullptr, way.in_pipe,
                       SPLICE_F_MOVE | SPLICE_F_NONBLOCK)
              : transmit(to.fd.get(), way.pending.data(), way.pending.size());
    if (sent > 0) {
      if (piped) {
        way.in_pipe -= static_cast<size_t>(sent);
      } else {
        way.pending.consume(static_cast<size_t>(sent));
      }
      // Bytes that move are no silence, though they were read long ago.
      connection.side[direction].last_read_ms = clock_ms_;
      note_moved(connection, direction, static_cast<size_t>(sent));
      yielding_.after(static_cast<size_t>(sent));
      continue;
    }
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && would_block(errno)) {
      to.writable = false;
      watch(connection, 1 - direction, true);
      return Step::kBlocked;
    }
    return refused(connection, direction, errno);
  }
  return Step::kGoOn;
}

Engine::Step Engine::read_copy(Connection& connection, int direction) {
  const int fd = connection.side[direction].fd.get();
  return take(connection, direction, buffer_.data(), receive(fd, buffer_.data(), limits::kReadBytes));
}

// What a read of `kReadBytes` into `data` brought, or its error in errno.
Engine::Step Engine::take(Connection& connection, int direction, const char* data, ssize_t got) {
  Direction& way = connection.direction[direction];
  Side& from = connection.side[direction];
  if (got < 0) {
    if (errno == EINTR) return Step::kGoOn;
    if (!would_block(errno)) return reset(connection, direction);
    from.readable = false;
    from.read_to_end = false;
    return Step::kBlocked;
  }
  if (got == 0) {
    end_source(connection, direction);
    return Step::kGoOn;
  }
  const auto size = static_cast<size_t>(got);
  from.last_read_ms = clock_ms_;
  // A short read drained the socket. With the end already announced, it was the last one.
  if (size < limits::kReadBytes && !from.read_to_end && !from.reads_in_parts) {
    if (from.hung_up) {
      end_source(connection, direction);
    } else {
      from.readable = false;
    }
  }
  way.big_reads = size >= limits::kBulkReadBytes ? way.big_reads + 1 : 0;
  return pass_on(connection, direction, data, size);
}

// Sends what was read; the peer gets the rest when it takes more.
Engine::Step Engine::pass_on(Connection& connection, int direction, const char* data, size_t size) {
  Direction& way = connection.direction[direction];
  Side& to = connection.side[1 - direction];
  // The first write leaves at once in any case: many connections never need the option.
  if (direction == kClient && way.bytes > 0 && !to.prompt) {
    make_prompt(to.fd.get());
    to.prompt = true;
  }
  // The last bytes wait in the kernel for the end, which follows at once, and leave with it as one
  // segment. What is not taken is sent without waiting.
  const ssize_t sent = transmit(to.fd.get(), data, size, way.source_done ? MSG_MORE : 0);
  if (sent < 0 && !would_block(errno) && errno != EINTR) return refused(connection, direction, errno);
  const size_t taken = sent > 0 ? static_cast<size_t>(sent) : 0;
  note_moved(connection, direction, taken);
  if (taken < size) {
    way.pending.set(data + taken, size - taken);
    // The peer's buffer is full; asking again costs a call only when it said EAGAIN before.
    if (sent < 0 && would_block(errno)) {
      to.writable = false;
      watch(connection, 1 - direction, true);
    }
  }
  return Step::kGoOn;
}

Engine::Step Engine::read_splice(Connection& connection, int direction) {
  Direction& way = connection.direction[direction];
  Side& from = connection.side[direction];
  if (!way.pipe) way.pipe = pipes_.take(now_ms_);
  if (!way.pipe) {
    way.big_reads = 0;
    return Step::kGoOn;
  }
  // The pipe is empty here, so EAGAIN can only mean that the socket is.
  const ssize_t got = splice(from.fd.get(), nullptr, way.pipe->write_end.get(), nullptr,
                             static_cast<size_t>(limits::kPipeBytes),
                             SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
  if (got > 0) {
    way.in_pipe = static_cast<size_t>(got);
    way.run_bytes += way.in_pipe;
    from.last_read_ms = clock_ms_;
    return Step::kGoOn;
  }
  if (got < 0 && errno == EINTR) return Step::kGoOn;
  if (got < 0 && errno == EINVAL) {
    // Not every socket can be spliced: copy instead.
    way.big_reads = 0;
    give_back_pipe(way);
    return Step::kGoOn;
  }
  if (got < 0 && !would_block(errno)) return reset(connection, direction);
  give_back_pipe(way);
  // A run that ends small is no bulk any more. What looks like the end may be the mark of an urgent
  // byte, which splice does not pass: a read tells.
  if (got == 0 || way.run_bytes < limits::kBulkReadBytes) way.big_reads = 0;
  way.run_bytes = 0;
  if (got == 0) return Step::kGoOn;
  from.readable = false;
  return Step::kBlocked;
}

// Edge-triggered, so asking once for writability is enough: the kernel tells each time that room
// came back after EAGAIN.
bool Engine::watch(Connection& connection, int side, bool with_out) {
  Side& self = connection.side[side];
  if (self.watched && (self.out_watched || !with_out)) return true;
  self.out_watched = self.out_watched || with_out;
  epoll_event event{};
  event.events = EPOLLIN | EPOLLPRI | EPOLLRDHUP | EPOLLET;
  if (self.out_watched) event.events |= EPOLLOUT;
  const auto kind = side == kClient ? Tag::kClient : Tag::kBackend;
  event.data.u64 = Tag{kind, connection.slot, connection.generation}.pack();
  const int operation = self.watched ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
  if (epoll_ctl(epoll_.get(), operation, self.fd.get(), &event) != 0) return false;
  self.watched = true;
  return true;
}

void Engine::note_moved(Connection& connection, int direction, size_t bytes) {
  Direction& way = connection.direction[direction];
  const size_t uncounted = std::min(way.uncounted, bytes);
  way.uncounted -= uncounted;
  way.bytes += bytes - uncounted;
  if (connection.listed_as_moved) return;
  connection.listed_as_moved = true;
  moved_.push_back(Slots::id_of(connection));
  // Ended connections stay in the list until it is taken; without a taker it must not grow.
  if (moved_.size() > 2 * static_cast<size_t>(slots_.size())) {
    const auto ended = [this](double id) { return slots_.find(id) == nullptr; };
    moved_.erase(std::remove_if(moved_.begin(), moved_.end(), ended), moved_.end());
  }
}

void Engine::give_back_pipe(Direction& direction) {
  pipes_.give_back(std::move(direction.pipe), direction.in_pipe == 0);
}

}  // namespace midstream
