// The ends of streams while bytes are relayed: passed on behind what was said before, told apart from
// resets, and found out where nobody reads.

#include <sys/epoll.h>
#include <sys/socket.h>

#include <cerrno>

#include "engine.h"
#include "tls_session.h"

namespace midstream {

// Everything of this direction is delivered: pass the end on, or close when both are through.
Engine::Step Engine::finish(Connection& connection, int direction) {
  Direction& way = connection.direction[direction];
  if (way.end_sent) return Step::kBlocked;
  way.end_sent = true;
  note_end(connection, direction);
  const Direction& other = connection.direction[1 - direction];
  if (other.end_sent && other.source_done) {
    end(connection, connection.first_end, false);
    return Step::kGone;
  }
  if (shutdown(connection.side[1 - direction].fd.get(), SHUT_WR) != 0 && errno != ENOTCONN) {
    return reset(connection, 1 - direction);
  }
  if (other.end_sent) {
    // Nobody takes what this side's peer still says; it gets a moment to end.
    start_flushing(connection, connection.first_end);
    return Step::kGone;
  }
  if (connection.terms.half_closed_ms != 0 && connection.timer_bucket == UINT32_MAX) {
    schedule_idle(connection);
  }
  return Step::kBlocked;
}

// Whoever ends its stream first gives the connection's end its name.
void Engine::note_end(Connection& connection, int side) {
  if (connection.ended_once) return;
  connection.ended_once = true;
  connection.first_end = side == kClient ? CloseReason::kClientClosed : CloseReason::kBackendClosed;
}

// The end of a stream is activity as well.
void Engine::end_source(Connection& connection, int side) {
  connection.direction[side].source_done = true;
  connection.side[side].last_read_ms = clock_ms_;
}

Engine::Step Engine::reset(Connection& connection, int side) {
  // A side that ended its stream in order and then goes away has closed.
  const bool ended = connection.direction[side].source_done;
  const auto reason = side == kClient ? CloseReason::kClientReset : CloseReason::kBackendReset;
  end(connection, ended && connection.ended_once ? connection.first_end : reason, true);
  return Step::kGone;
}

// The sink takes nothing any more. When it had ended its stream in order, what it said before is
// complete and is still delivered; otherwise this is its reset. EPIPE comes before the event that
// tells why: a TCP peer has ended its stream (without that, its reset is ECONNRESET), and of a Unix
// peer reading on tells the end from a reset.
Engine::Step Engine::refused(Connection& connection, int direction, int error) {
  const int sink = 1 - direction;
  Direction& way = connection.direction[direction];
  const Direction& answer = connection.direction[sink];
  const bool in_order = error == EPIPE || connection.side[sink].hung_up || answer.source_done;
  const bool flushing = connection.phase == Phase::kFlushing;
  if (!flushing && (!in_order || answer.end_sent)) return reset(connection, sink);
  way.pending.clear();
  give_back_pipe(way);
  way.in_pipe = 0;
  if (connection.side[sink].tls != nullptr) connection.side[sink].tls->drop_output();
  // What the source says from now on is thrown away.
  way.end_sent = true;
  if (flushing) return Step::kGoOn;
  note_end(connection, sink);
  return Step::kBlocked;
}

// What no read or write tells: who is gone, and is not read since its peer takes nothing, or has ended
// before and is owed an answer that nobody gives, would stay for ever.
void Engine::note_gone(Connection& connection, int side, uint32_t events) {
  const Side& self = connection.side[side];
  const Direction& way = connection.direction[side];
  const bool is_unread = !way.source_done && !connection.listed_as_ready;
  // Behind an end in order everything is complete, and the peer may still take it.
  const bool is_answerless = way.source_done && way.end_sent;
  if (side == kClient && (events & EPOLLERR) != 0 && (is_answerless || (is_unread && !self.hung_up))) {
    reset(connection, side);
    return;
  }
  const bool has_deadline = connection.timer_bucket != UINT32_MAX;
  if (is_unread && self.hung_up && !has_deadline) schedule_idle(connection);
}

}  // namespace midstream
