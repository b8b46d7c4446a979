// What clients send: a batch from a listening socket, whose it is, and asking about who is new.

#include <sys/epoll.h>

#include <algorithm>
#include <cerrno>

#include "datagrams.h"

namespace midstream {

void Datagrams::on_port(uint32_t slot, uint32_t generation, uint32_t events) {
  Port* port = ports_.find(slot, generation);
  if (port == nullptr) return;
  if ((events & EPOLLOUT) != 0) send_held_replies(*port);
  if (port->bound) receive(*port);
}

void Datagrams::receive(Port& port) {
  const uint32_t slot = port.slot;
  const uint32_t generation = port.generation;
  for (int turn = 0; turn < limits::kReceivesPerTurn; ++turn) {
    const int count = batch_->receive(port.fd.get());
    // An error is about one datagram; those behind it are looked for in the next turn.
    if (count < 0 && (count == -EAGAIN || count == -EWOULDBLOCK)) return;
    for (int index = 0; index < count; ++index) route(port, index);
    settle();
    // The flow may have given the address up meanwhile.
    if (ports_.find(slot, generation) != &port || !port.bound) return;
    if (count > 0 && ReceiveBatch::is_short(count)) return;
  }
  list_as_ready(port);
}

// Each datagram of a buffer to the session of its client.
void Datagrams::route(Port& port, int index) {
  if (batch_->is_cut(index)) return drop(port, Drop::kTooLarge, 1);
  SessionKey key;
  key.client = endpoint_of(batch_->from(index));
  key.port = port.slot;
  uint16_t segment = 0;
  in6_addr local{};
  batch_->read_control(index, &segment, &local);
  if (port.wildcard) key.local = local;
  char* data = batch_->data(index);
  const uint32_t bytes = batch_->bytes(index);
  if (segment == 0 || segment >= bytes) return admit(port, key, data, bytes);
  for (uint32_t at = 0; at < bytes; at += segment) {
    admit(port, key, data + at, std::min<uint32_t>(segment, bytes - at));
  }
}

void Datagrams::admit(Port& port, const SessionKey& key, char* data, uint32_t bytes) {
  Session* session = port.single ? nullptr : index_.find(key);
  if (session != nullptr && session->responses_left == 0) {
    // It has all its replies; with them gone it ends, and this is the first of another one.
    flush_replies();
    session = index_.find(key);
  }
  if (session == nullptr) {
    session = ask(port, key, bytes);
  } else {
    note_heard(port, *session);
  }
  if (session != nullptr) append(*session, data, bytes);
}

// A new session, which the flow is told of; null when none is taken.
Session* Datagrams::ask(Port& port, const SessionKey& key, uint32_t bytes) {
  if (port.sealed || !port.bound) {
    drop(port, Drop::kSealed, 1);
    return nullptr;
  }
  Session* session = sessions_.allocate();
  if (session == nullptr) {
    drop(port, Drop::kHeldFull, 1);
    return nullptr;
  }
  session->state = SessionState::kAsked;
  session->client = key.client;
  session->local = key.local;
  session->port = port.slot;
  session->single = port.single;
  ++port.sessions;
  port.asked.append(sessions_, *session);
  if (!session->single) index_.insert(*session);
  host_.events.add(datagram_rows::arrived(*session, port.listener, bytes), true, host_.now_ms);
  return session;
}

void Datagrams::append(Session& session, char* data, uint32_t bytes) {
  const auto index = static_cast<uint32_t>(spans_.size());
  spans_.push_back({data, bytes, UINT32_MAX});
  if (session.first_span == UINT32_MAX) {
    session.first_span = index;
    touched_.push_back(Sessions::id_of(session));
  } else {
    spans_[session.last_span].next = index;
  }
  session.last_span = index;
}

// A client was heard again. That it speaks twice proves nothing; that it still speaks later does.
void Datagrams::note_heard(Port& port, Session& session) {
  if (session.state == SessionState::kAsked || session.client_heard_ms == host_.clock_ms) return;
  list_of(port, session).remove(sessions_, session);
  session.client_heard_ms = host_.clock_ms;
  if (host_.clock_ms >= session.proof_ms) session.proven = true;
  list_of(port, session).append(sessions_, session);
}

LinkedList& Datagrams::list_of(Port& port, const Session& session) {
  if (session.state == SessionState::kAsked) return port.asked;
  return session.proven ? port.proven : port.unproven;
}

// Sends what known sessions got, asks about the others, and keeps what was not answered.
void Datagrams::settle() {
  in_batch_ = true;
  size_t next = 0;
  // Answers may bring sessions about that end at once, and the rest of their datagrams new questions.
  do {
    for (; next < touched_.size(); ++next) {
      Session* session = sessions_.find(touched_[next]);
      if (session != nullptr && session->state == SessionState::kForwarded) send_spans(*session);
    }
    if (host_.events.urgent()) host_.deliver();
  } while (next < touched_.size());
  for (const double id : touched_) {
    Session* session = sessions_.find(id);
    if (session != nullptr) keep(*session);
  }
  touched_.clear();
  spans_.clear();
  in_batch_ = false;
}

// The buffers are needed again.
void Datagrams::keep(Session& session) {
  for (uint32_t next = session.first_span; next != UINT32_MAX; next = spans_[next].next) {
    hold(session, spans_[next].data, spans_[next].bytes);
  }
  session.first_span = session.last_span = UINT32_MAX;
}

void Datagrams::hold(Session& session, const char* data, size_t bytes) {
  Port& port = ports_.at(session.port);
  const bool has_backend = session.state == SessionState::kForwarded;
  const size_t most = has_backend ? limits::kQueuedDatagramsMax : limits::kHeldDatagramsMax;
  if (session.held == nullptr) session.held = std::make_unique<HeldDatagrams>();
  HeldDatagrams& held = *session.held;
  if (held.list.size() >= most || held_bytes_ + bytes > limits::kHeldBytesMax ||
      (has_backend && held.bytes + bytes > limits::kDatagramQueueBytesMax)) {
    drop(port, has_backend ? Drop::kSendFull : Drop::kHeldFull, 1);
    if (held.list.empty()) session.held.reset();
    return;
  }
  held.list.emplace_back(data, bytes);
  held.bytes += bytes;
  held_bytes_ += bytes;
}

std::unique_ptr<HeldDatagrams> Datagrams::take_held(Session& session) {
  if (session.held != nullptr) held_bytes_ -= session.held->bytes;
  return std::move(session.held);
}

void Datagrams::list_as_ready(Port& port) {
  if (port.listed_as_ready) return;
  port.listed_as_ready = true;
  ready_.push_back({true, port.slot, port.generation});
}

void Datagrams::list_as_ready(Session& session) {
  if (session.listed_as_ready) return;
  session.listed_as_ready = true;
  ready_.push_back({false, session.slot, session.generation});
}

}  // namespace midstream
