// What backends answer: out of each session's socket, and together to the clients.

#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "datagrams.h"

namespace midstream {

namespace {

bool would_block(int error) { return error == EAGAIN || error == EWOULDBLOCK; }

// What ICMP told about earlier datagrams; 0 for nothing, or nothing that matters: that the path takes
// less than was sent is the kernel's to remember.
int take_error(int fd) {
  int error = 0;
  socklen_t length = sizeof(error);
  (void)getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length);
  return error == EMSGSIZE ? 0 : error;
}

Drop drop_of(int error) {
  if (error == EMSGSIZE) return Drop::kTooLarge;
  return error == ENOBUFS || error == ENOMEM ? Drop::kSendFull : Drop::kSendFailed;
}

}  // namespace

void Datagrams::on_session(uint32_t slot, uint32_t generation, uint32_t events) {
  Session* session = sessions_.find(slot, generation);
  if (session == nullptr || session->state != SessionState::kForwarded) return;
  int error = (events & EPOLLERR) != 0 ? take_error(session->fd.get()) : 0;
  if ((events & (EPOLLIN | EPOLLERR)) != 0) {
    const int met = receive_replies(*session);
    if (error == 0) error = met;
  }
  // It has its last reply: whoever sends the replies ends it.
  if (session->responses_left == 0) return;
  if (error != 0) return end(*session, SessionEnd::kBackendRefused);
  if ((events & EPOLLOUT) != 0 && session->held != nullptr) send_held(*session);
}

// Returns an errno when the backend's host said that nobody receives there.
int Datagrams::receive_replies(Session& session) {
  if (session.responses_left == 0) return 0;
  int error = 0;
  for (int turn = 0; turn < limits::kReceivesPerTurn; ++turn) {
    if (!replies_->has_room()) flush_replies();
    const int count = replies_->receive(session.fd.get());
    if (count < 0) {
      if (would_block(-count)) return error;
      // Once it was told, what came before it can be read.
      if (count != -EMSGSIZE && count != -EINTR) error = -count;
      continue;
    }
    session.backend_heard_ms = host_.clock_ms;
    // The first reply decides: later ones are later.
    session.proof_ms = std::min(session.proof_ms, host_.clock_ms + limits::kProofAfterReplyMs);
    const ReplyBatch::Entry entry{{session.client, session.local, Sessions::id_of(session)},
                                  session.port,
                                  session.gso_to_client};
    for (int index = 0; index < count && session.responses_left > 0; ++index) {
      if (replies_->is_cut(index)) {
        drop(ports_.at(session.port), Drop::kTooLarge, 1);
        continue;
      }
      replies_->add(index, entry);
      if (session.responses_left != UINT32_MAX) --session.responses_left;
    }
    if (session.responses_left == 0) {
      answered_.push_back(Sessions::id_of(session));
      return 0;
    }
    if (ReplyBatch::is_short(count)) return error;
  }
  list_as_ready(session);
  return error;
}

// Sends all replies that wait for company, and ends the sessions that have their last.
void Datagrams::flush_replies() {
  if (replies_ == nullptr || replies_->empty()) return;
  for (size_t begin = 0; begin < replies_->size();) {
    const size_t end = replies_->run_end(begin);
    send_run(begin, end);
    begin = end;
  }
  replies_->clear();
  if (answered_.empty()) return;
  std::vector<double> answered;
  answered.swap(answered_);
  for (const double id : answered) {
    Session* session = sessions_.find(id);
    if (session != nullptr) end(*session, SessionEnd::kResponsesDone);
  }
}

// Those of one port.
void Datagrams::send_run(size_t begin, size_t end) {
  Port& port = ports_.at(replies_->entry(begin).port);
  const auto send_each = [&](size_t first, size_t last) {
    for (size_t index = first; index < last; ++index) {
      send_reply(port, replies_->entry(index).to, replies_->data(index), replies_->bytes(index));
    }
  };
  // Once something waits, everything waits behind it.
  if (!port.replies.empty()) return send_each(begin, end);
  const size_t count = replies_->compose(begin, end, port);
  for (size_t next = 0; next < count;) {
    const int sent = sendmmsg(port.fd.get(), replies_->messages() + next,
                              static_cast<unsigned>(count - next), MSG_DONTWAIT);
    for (int index = 0; index < sent; ++index, ++next) {
      const ReplyBatch::Message& message = replies_->message(next);
      account_reply(replies_->entry(message.first).to.session, message.count,
                    replies_->bytes_of(message));
    }
    if (sent >= 0) continue;
    const ReplyBatch::Message& message = replies_->message(next);
    if (message.count > 1 && !would_block(errno)) {
      // The path does not take them as one.
      Session* session = sessions_.find(replies_->entry(message.first).to.session);
      if (session != nullptr) session->gso_to_client = false;
    }
    send_each(message.first, message.first + message.count);
    ++next;
  }
}

void Datagrams::account_reply(double id, uint64_t datagrams, uint64_t bytes) {
  Session* session = sessions_.find(id);
  if (session == nullptr) return;
  session->rx_datagrams += datagrams;
  session->rx_bytes += bytes;
  note_moved(*session);
}

void Datagrams::send_reply(Port& port, const ReplyTo& to, const char* data, size_t bytes) {
  if (port.replies.empty() && try_reply(port, to, data, bytes)) return;
  hold_reply(port, to, data, bytes);
}

bool Datagrams::try_reply(Port& port, const ReplyTo& to, const char* data, size_t bytes) {
  sockaddr_in6 name;
  iovec part{const_cast<char*>(data), bytes};
  msghdr header{};
  header.msg_name = &name;
  header.msg_namelen = write_address(to.client, port.family, &name);
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  ControlMessages control;
  if (!is_unspecified(to.local)) control.add_source(to.local, to.client.scope, port.family);
  control.give_to(header);
  for (int attempt = 0;; ++attempt) {
    if (sendmsg(port.fd.get(), &header, MSG_DONTWAIT) >= 0) {
      account_reply(to.session, 1, bytes);
      return true;
    }
    if (would_block(errno)) return false;
    if (errno == EINTR || (errno == EMSGSIZE && attempt == 0)) continue;
    drop(port, drop_of(errno), 1);
    return true;
  }
}

void Datagrams::hold_reply(Port& port, const ReplyTo& to, const char* data, size_t bytes) {
  if (port.replies.size() >= limits::kQueuedDatagramsMax ||
      port.reply_bytes + bytes > limits::kDatagramQueueBytesMax ||
      held_bytes_ + bytes > limits::kHeldBytesMax) {
    return drop(port, Drop::kSendFull, 1);
  }
  port.replies.push_back({to, std::string(data, bytes)});
  port.reply_bytes += bytes;
  held_bytes_ += bytes;
  watch_out(port, true);
}

void Datagrams::send_held_replies(Port& port) {
  auto next = port.replies.begin();
  for (; next != port.replies.end(); ++next) {
    if (!try_reply(port, next->to, next->bytes.data(), next->bytes.size())) break;
    port.reply_bytes -= next->bytes.size();
    held_bytes_ -= next->bytes.size();
  }
  port.replies.erase(port.replies.begin(), next);
  watch_out(port, !port.replies.empty());
}

}  // namespace midstream
