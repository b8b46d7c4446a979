// How sessions end, what is told of them, and the turns that were not over.

#include <sys/epoll.h>
#include <uv.h>

#include <algorithm>

#include "datagrams.h"

namespace midstream {

// What its client sent may reach another backend where this one is lost. One that never took anything
// may be refused by this host itself, and would be again.
void Datagrams::end(Session& session, SessionEnd reason) {
  const bool anew = reason == SessionEnd::kBackendLost ||
                    (reason == SessionEnd::kBackendRefused && session.tx_datagrams > 0);
  const SessionKey key{session.client, session.local, session.port};
  const uint32_t rest = session.first_span;
  const std::unique_ptr<HeldDatagrams> held = take_held(session);
  host_.events.add(datagram_rows::ended(session, reason), false, host_.now_ms);
  release(session);
  if (anew) pass_on(key, held.get(), rest);
}

void Datagrams::release(Session& session) {
  Port& port = ports_.at(session.port);
  list_of(port, session).remove(sessions_, session);
  index_.remove(session);
  wheel_.cancel(session);
  (void)take_held(session);
  sessions_.release(session);
  --port.sessions;
  release_if_unused(port);
  if (sessions_.used() == 0) host_.refresh_reference();
}

double Datagrams::evict(uint32_t listener) {
  Port* port = port_of(listener);
  if (port == nullptr) return -1;
  // Whoever is not proven may be an address that somebody made up.
  const LinkedList& list = port->unproven.empty() ? port->proven : port->unproven;
  if (list.empty()) return -1;
  Session& session = sessions_.at(list.first());
  if (session.proven && session.client_heard_ms + limits::kEvictSilenceMs > host_.clock_ms) {
    return -1;
  }
  const double id = Sessions::id_of(session);
  end(session, SessionEnd::kEvicted);
  return id;
}

void Datagrams::tick() {
  wheel_.advance(host_.clock_ms, [this](Session& session) { on_deadline(session); });
  if (outlets_.used() > 0) close_unused_outlets();
}

void Datagrams::on_deadline(Session& session) {
  if (session.state == SessionState::kForwarded) schedule_idle(session);
}

// Ends the session when it was silent for too long, otherwise sets its next deadline.
void Datagrams::schedule_idle(Session& session) {
  uint64_t next_ms = UINT64_MAX;
  SessionEnd reason = SessionEnd::kClientIdle;
  const auto consider = [&](uint64_t idle_ms, uint64_t since_ms, SessionEnd why) {
    if (idle_ms == 0 || since_ms + idle_ms >= next_ms) return;
    next_ms = since_ms + idle_ms;
    reason = why;
  };
  const uint64_t either_ms = std::max(session.client_heard_ms, session.backend_heard_ms);
  const uint64_t client_ms = session.two_way ? either_ms : session.client_heard_ms;
  const uint64_t backend_ms = session.two_way ? either_ms : session.backend_heard_ms;
  if (session.finishing) consider(limits::kLastRepliesMs, either_ms, SessionEnd::kRequestsDone);
  consider(session.client_idle_ms, client_ms, SessionEnd::kClientIdle);
  consider(session.backend_idle_ms, backend_ms, SessionEnd::kBackendIdle);
  if (host_.clock_ms >= next_ms) return end(session, reason);
  if (next_ms != UINT64_MAX) wheel_.schedule(session, next_ms);
}

void Datagrams::note_moved(Session& session) {
  if (session.listed_as_moved) return;
  session.listed_as_moved = true;
  moved_.push_back(Sessions::id_of(session));
  // Ended sessions stay in the list until it is taken; without a taker it must not grow.
  if (moved_.size() > 2 * static_cast<size_t>(sessions_.size())) {
    const auto ended = [this](double id) { return sessions_.find(id) == nullptr; };
    moved_.erase(std::remove_if(moved_.begin(), moved_.end(), ended), moved_.end());
  }
}

uint32_t Datagrams::take_moved(double* rows, uint32_t rows_max) {
  uint32_t written = 0;
  size_t read = 0;
  for (; read < moved_.size() && written < rows_max; ++read) {
    Session* session = sessions_.find(moved_[read]);
    if (session == nullptr) continue;
    session->listed_as_moved = false;
    double* row = rows + static_cast<size_t>(written) * limits::kMovedDatagramFields;
    row[0] = moved_[read];
    row[1] = static_cast<double>(session->rx_bytes);
    row[2] = static_cast<double>(session->tx_bytes);
    row[3] = static_cast<double>(session->rx_datagrams);
    row[4] = static_cast<double>(session->tx_datagrams);
    ++written;
  }
  moved_.erase(moved_.begin(), moved_.begin() + static_cast<std::ptrdiff_t>(read));
  return written;
}

Endpoint Datagrams::local_of(const Session& session) {
  const Port& port = ports_.at(session.port);
  sockaddr_in6 local{};
  socklen_t length = sizeof(local);
  (void)getsockname(port.fd.get(), reinterpret_cast<sockaddr*>(&local), &length);
  Endpoint endpoint = endpoint_of(local);
  if (!is_unspecified(session.local)) endpoint.address = session.local;
  return endpoint;
}

bool Datagrams::handle(const Tag& tag, uint32_t events) {
  switch (tag.kind) {
    case Tag::kPort:
      on_port(tag.slot, tag.generation, events);
      return true;
    case Tag::kSession:
      on_session(tag.slot, tag.generation, events);
      return true;
    case Tag::kOutlet:
      on_outlet(tag.slot, tag.generation);
      return true;
    default:
      return false;
  }
}

// After the events of a wait: those whose turn was over get another one, replies leave, and drops
// are told. Those that the time does not suffice for come first the next time.
void Datagrams::finish_round() {
  if (!ready_.empty()) {
    sweeping_.clear();
    sweeping_.swap(ready_);
    const uint64_t end_ns = uv_hrtime() + limits::kSweepNs;
    size_t next = 0;
    while (next < sweeping_.size()) {
      const Ready ready = sweeping_[next++];
      if (Port* port = ready.is_port ? ports_.find(ready.slot, ready.generation) : nullptr) {
        port->listed_as_ready = false;
        on_port(ready.slot, ready.generation, EPOLLIN);
      } else if (Session* session =
                     ready.is_port ? nullptr : sessions_.find(ready.slot, ready.generation)) {
        session->listed_as_ready = false;
        on_session(ready.slot, ready.generation, EPOLLIN);
      }
      if (uv_hrtime() >= end_ns) break;
    }
    ready_.insert(ready_.begin(), sweeping_.begin() + static_cast<std::ptrdiff_t>(next),
                  sweeping_.end());
  }
  flush_replies();
  if (!dropping_.empty()) tell_due_drops();
}

int Datagrams::wait_ms() const {
  if (!ready_.empty()) return 0;
  return dropping_.empty() ? -1 : static_cast<int>(limits::kDropsToldMs / 4);
}

void Datagrams::stop() {
  while (!port_by_listener_.empty()) {
    unbind(port_by_listener_.begin()->first, false, SessionEnd::kStopped);
  }
  // Those of listeners that others have taken over.
  for (uint32_t slot = 0; slot < sessions_.size(); ++slot) {
    Session& session = sessions_.at(slot);
    if (!session.is_free()) end(session, SessionEnd::kStopped);
  }
  outlets_.for_each([this](Outlet& outlet) { close_outlet(outlet); });
}

}  // namespace midstream
