// Small messages of one wake-up: all are read first, and all are sent then. Reading in a row and
// sending in a row keeps each of the kernel's two paths in the processor's cache, and whoever gets
// the messages is woken for many of them.
//
// INVARIANT: what is staged leaves before anything else happens to its connection, and before
// JavaScript is called, which may close it.

#include <sys/epoll.h>
#include <sys/socket.h>

#include <cerrno>

#include "direct_call.h"
#include "engine.h"

namespace midstream {

// Nothing but data has come, and nothing else is under way on this connection.
bool Engine::suits_staging(const Connection& connection, int side, uint32_t events) {
  if ((events & ~static_cast<uint32_t>(EPOLLOUT)) != EPOLLIN) return false;
  if (connection.phase != Phase::kRelaying || connection.listed_as_ready) return false;
  const Side& from = connection.side[side];
  const Side& to = connection.side[1 - side];
  if (from.readable || from.hung_up || from.read_to_end || from.reads_in_parts) return false;
  if (!from.writable || !to.writable) return false;
  const Direction& way = connection.direction[side];
  const Direction& answer = connection.direction[1 - side];
  const bool is_idle = way.pending.empty() && way.in_pipe == 0 && !way.source_done && !way.end_sent;
  return is_idle && way.big_reads == 0 && answer.pending.empty() && answer.in_pipe == 0;
}

// True: the event is dealt with; what it brought has left, or leaves with the others.
bool Engine::stage(Connection& connection, int side, uint32_t events) {
  if (!suits_staging(connection, side, events)) {
    send_staged();
    return false;
  }
  Side& from = connection.side[side];
  char* const at = staging_.data() + staged_bytes_;
  const ssize_t got = receive(from.fd.get(), at, limits::kReadBytes);
  if (got <= 0 || static_cast<size_t>(got) > limits::kStagedMessageBytes) {
    from.readable = true;
    if (take(connection, side, at, got) != Step::kGone) relay_side(connection, side, events);
    return true;
  }
  // A short read: nothing is left in the socket.
  from.last_read_ms = clock_ms_;
  const auto size = static_cast<uint32_t>(got);
  staged_[side].push_back({connection.slot, connection.generation, staged_bytes_, size});
  staged_bytes_ += size;
  const size_t count = staged_[kClient].size() + staged_[kBackend].size();
  if (count >= limits::kStagedMax || staged_bytes_ >= limits::kStagingBytes) send_staged();
  return true;
}

void Engine::send_staged() {
  if (staged_bytes_ == 0) return;
  for (const int direction : {kBackend, kClient}) {
    for (const Staged& one : staged_[direction]) send_one(one, direction);
    staged_[direction].clear();
  }
  staged_bytes_ = 0;
}

void Engine::send_one(const Staged& one, int direction) {
  Connection* connection = slots_.find(one.slot, one.generation);
  if (connection == nullptr) return;
  const Step step = pass_on(*connection, direction, staging_.data() + one.at, one.size);
  if (step == Step::kGone) return;
  const Direction& way = connection->direction[direction];
  // Not all was taken, or nothing will be any more.
  if (!way.pending.empty() || way.end_sent) pump(*connection, direction);
}

}  // namespace midstream
