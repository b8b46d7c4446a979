// Sending to backends: out of the batch's buffers, several datagrams of one size as one (GSO), and
// what happens to datagrams that their session does not take.

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "datagrams.h"

namespace midstream {

namespace {

bool would_block(int error) { return error == EAGAIN || error == EWOULDBLOCK; }

}  // namespace

void Datagrams::send_spans(Session& session) {
  while (session.first_span != UINT32_MAX) {
    const uint32_t first = session.first_span;
    // Once something waits, everything waits behind it.
    if (session.held != nullptr) {
      hold(session, spans_[first].data, spans_[first].bytes);
      session.first_span = spans_[first].next;
      continue;
    }
    Group group;
    group_from(session, first, &group);
    switch (send_group(session, group)) {
      case Sent::kTaken:
        note_sent(session, group.datagrams, group.bytes);
        break;
      case Sent::kDropped:
        break;
      case Sent::kNoRoom:
        for (uint32_t at = first; at != group.after; at = spans_[at].next) {
          hold(session, spans_[at].data, spans_[at].bytes);
        }
        watch_out(session, true);
        break;
      case Sent::kOneByOne:
        session.gso_to_backend = false;
        continue;
      case Sent::kRefused:
        end(session, SessionEnd::kBackendRefused);
        return;
    }
    session.first_span = group.after;
    if (session.requests_left == 0) finish_requests(session);
  }
}

// As many as leave as one: of one size, the last one less perhaps.
void Datagrams::group_from(const Session& session, uint32_t span, Group* group) {
  group->segment = spans_[span].bytes;
  const bool alone = !session.gso_to_backend || group->segment == 0;
  const uint32_t most = alone ? 1 : std::min(limits::kSegmentsMax, session.requests_left);
  while (span != UINT32_MAX && group->datagrams < most) {
    const Span& next = spans_[span];
    const bool fits =
        next.bytes <= group->segment && group->bytes + next.bytes <= limits::kSegmentedBytesMax;
    if (group->datagrams > 0 && (next.bytes == 0 || !fits)) break;
    iovec* last = group->part_count == 0 ? nullptr : &group->parts[group->part_count - 1];
    // Those that came in one buffer lie side by side.
    if (last != nullptr && static_cast<char*>(last->iov_base) + last->iov_len == next.data) {
      last->iov_len += next.bytes;
    } else {
      group->parts[group->part_count++] = {next.data, next.bytes};
    }
    group->bytes += next.bytes;
    ++group->datagrams;
    span = next.next;
    if (next.bytes < group->segment) break;
  }
  group->after = span;
}

Datagrams::Sent Datagrams::send_group(Session& session, Group& group) {
  if (group.datagrams == 1) {
    const iovec& part = group.parts[0];
    return send_one(session, static_cast<const char*>(part.iov_base), part.iov_len);
  }
  msghdr header{};
  header.msg_iov = group.parts;
  header.msg_iovlen = group.part_count;
  ControlMessages control;
  control.add_segment(static_cast<uint16_t>(group.segment));
  control.give_to(header);
  if (sendmsg(session.fd.get(), &header, MSG_DONTWAIT) >= 0) return Sent::kTaken;
  if (would_block(errno)) return Sent::kNoRoom;
  // Whatever else is wrong, a plain send tells: it may be that the path does not take them as one.
  return errno == ECONNREFUSED ? Sent::kRefused : Sent::kOneByOne;
}

Datagrams::Sent Datagrams::send_one(Session& session, const char* data, size_t bytes) {
  Port& port = ports_.at(session.port);
  for (int attempt = 0;; ++attempt) {
    if (send(session.fd.get(), data, bytes, MSG_DONTWAIT) >= 0) return Sent::kTaken;
    if (would_block(errno)) return Sent::kNoRoom;
    // The first time it may be about the path, which is known better now, or about an earlier one.
    if (errno == EINTR || (errno == EMSGSIZE && attempt == 0)) continue;
    if (errno == EMSGSIZE) {
      drop(port, Drop::kTooLarge, 1);
      return Sent::kDropped;
    }
    if (errno == ENOBUFS || errno == ENOMEM) {
      drop(port, Drop::kSendFull, 1);
      return Sent::kDropped;
    }
    return Sent::kRefused;
  }
}

void Datagrams::note_sent(Session& session, uint32_t datagrams, uint64_t bytes) {
  session.tx_datagrams += datagrams;
  session.tx_bytes += bytes;
  if (session.requests_left != UINT32_MAX) session.requests_left -= datagrams;
  note_moved(session);
}

// What waited for an answer, or for room.
void Datagrams::send_held(Session& session) {
  HeldDatagrams& held = *session.held;
  auto next = held.list.begin();
  Sent outcome = Sent::kTaken;
  for (; next != held.list.end() && session.requests_left > 0; ++next) {
    const size_t bytes = next->size();
    outcome = send_one(session, next->data(), bytes);
    if (outcome == Sent::kNoRoom || outcome == Sent::kRefused) break;
    if (outcome == Sent::kTaken) note_sent(session, 1, bytes);
    held.bytes -= bytes;
    held_bytes_ -= bytes;
  }
  held.list.erase(held.list.begin(), next);
  if (held.list.empty()) session.held.reset();
  if (outcome == Sent::kRefused) return end(session, SessionEnd::kBackendRefused);
  watch_out(session, outcome == Sent::kNoRoom);
  if (session.requests_left == 0) finish_requests(session);
}

// The session takes no more of its client: the rest, and what follows, is another session's.
void Datagrams::finish_requests(Session& session) {
  const SessionKey key{session.client, session.local, session.port};
  const uint32_t rest = std::exchange(session.first_span, UINT32_MAX);
  const std::unique_ptr<HeldDatagrams> held = take_held(session);
  session.finishing = true;
  session.client_heard_ms = host_.clock_ms;
  index_.remove(session);
  watch_out(session, false);
  schedule_idle(session);
  pass_on(key, held.get(), rest);
}

// Datagrams of a client whose session does not take them: as if they came now.
void Datagrams::pass_on(const SessionKey& key, const HeldDatagrams* held, uint32_t span) {
  Port& port = ports_.at(key.port);
  if (held != nullptr) {
    for (const std::string& datagram : held->list) {
      Session* session = port.single ? nullptr : index_.find(key);
      if (session == nullptr) session = ask(port, key, static_cast<uint32_t>(datagram.size()));
      if (session != nullptr) hold(*session, datagram.data(), datagram.size());
    }
  }
  for (; span != UINT32_MAX; span = spans_[span].next) {
    admit(port, key, spans_[span].data, spans_[span].bytes);
  }
}

}  // namespace midstream
