// Towards backends: the flow's answer, a connected socket for each session, and sending.

#include <sys/epoll.h>

#include <algorithm>
#include <cerrno>

#include "datagrams.h"
#include "socket_option.h"

namespace midstream {

namespace {

// A table index out of a number from JavaScript; `size` (never valid) when it is none.
uint32_t index_of(double number, size_t size) {
  if (!(number >= 0) || number >= static_cast<double>(size)) return static_cast<uint32_t>(size);
  return static_cast<uint32_t>(number);
}

}  // namespace

int64_t Datagrams::add_target(const char* host, int port) {
  if (targets_.size() >= limits::kTargetsMax || port < 1) return -1;
  SocketAddress target;
  if (!target.set_tcp(host, port)) return -1;
  targets_.push_back(target);
  return static_cast<int64_t>(targets_.size()) - 1;
}

int64_t Datagrams::add_terms(const SessionTerms& terms) {
  if (terms_.size() >= limits::kTermsMax) return -1;
  terms_.push_back(terms);
  return static_cast<int64_t>(terms_.size()) - 1;
}

void Datagrams::clear_tables() {
  // They know what they are for by index.
  outlets_.for_each([this](Outlet& outlet) { close_outlet(outlet); });
  targets_.clear();
  terms_.clear();
}

bool Datagrams::run_command(const double* command) {
  const auto is = [command](DatagramCommandKind kind) {
    return command[0] == static_cast<double>(kind);
  };
  const bool is_forward = is(DatagramCommandKind::kForward);
  const bool is_refuse = is(DatagramCommandKind::kRefuse);
  const bool is_resolve = is(DatagramCommandKind::kResolve);
  if (!is_forward && !is_refuse && !is_resolve && !is(DatagramCommandKind::kEnd)) return false;
  Session* session = sessions_.find(command[1]);
  if (session == nullptr) return true;
  const bool asked = session->state == SessionState::kAsked;
  if (is_forward) {
    const uint32_t target = index_of(command[2], targets_.size());
    const uint32_t terms = index_of(command[3], terms_.size());
    if (session->state != SessionState::kForwarded && target < targets_.size() &&
        terms < terms_.size()) {
      forward(*session, target, terms);
    }
  } else if (is_refuse) {
    if (asked) release(*session);
  } else if (is_resolve) {
    set_resolving(*session, command[2] != 0);
  } else {
    const auto reasons = static_cast<size_t>(SessionEnd::kCount);
    const uint32_t reason = index_of(command[2], reasons);
    if (!asked && reason < reasons) end(*session, static_cast<SessionEnd>(reason));
  }
  return true;
}

// While a name is looked up a session has its answer: it can be ended, and make room for others.
void Datagrams::set_resolving(Session& session, bool resolving) {
  const SessionState from = resolving ? SessionState::kAsked : SessionState::kResolving;
  if (session.state != from || session.single) return;
  Port& port = ports_.at(session.port);
  list_of(port, session).remove(sessions_, session);
  session.state = resolving ? SessionState::kResolving : SessionState::kAsked;
  session.client_heard_ms = host_.clock_ms;
  list_of(port, session).append(sessions_, session);
}

void Datagrams::forward(Session& session, uint32_t target, uint32_t terms_index) {
  if (session.single) return forward_single(session, target, terms_index);
  const SessionTerms& terms = terms_[terms_index];
  UniqueFd fd;
  if (const int error = open_socket(session, targets_[target], terms.source, &fd); error != 0) {
    return fail(session, error);
  }
  const Tag tag{Tag::kSession, session.slot, session.generation};
  if (!watch(fd.get(), tag, EPOLLIN, true)) return fail(session, errno);
  Port& port = ports_.at(session.port);
  list_of(port, session).remove(sessions_, session);
  session.fd = std::move(fd);
  session.state = SessionState::kForwarded;
  session.client_idle_ms = terms.client_idle_ms;
  session.backend_idle_ms = terms.backend_idle_ms;
  session.two_way = terms.two_way;
  session.requests_left = terms.max_requests == 0 ? UINT32_MAX : terms.max_requests;
  session.responses_left = terms.max_responses == 0 ? UINT32_MAX : terms.max_responses;
  session.client_heard_ms = session.backend_heard_ms = host_.clock_ms;
  session.proof_ms = host_.clock_ms + limits::kProofWithoutReplyMs;
  list_of(port, session).append(sessions_, session);
  schedule_idle(session);
  // What was held came before what lies in the batch.
  const double id = Sessions::id_of(session);
  if (session.held != nullptr) send_held(session);
  if (sessions_.find(id) == &session) send_spans(session);
}

void Datagrams::fail(Session& session, int error) {
  set_resolving(session, false);
  host_.events.add(datagram_rows::failed(session, error), true, host_.now_ms);
}

// 0 or an errno.
int Datagrams::open_socket(const Session& session, const SocketAddress& target,
                           const SocketAddress& source, UniqueFd* out) {
  const int family = target.family();
  UniqueFd fd(socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return errno;
  if (ports_.at(session.port).transparent) {
    const int on = 1;
    const bool v4 = family == AF_INET;
    if (setsockopt(fd.get(), v4 ? IPPROTO_IP : IPPROTO_IPV6, v4 ? IP_TRANSPARENT : IPV6_TRANSPARENT,
                   &on, sizeof(on)) != 0) {
      return errno;
    }
    if (v4 != session.client.is_v4()) return EAFNOSUPPORT;
    // The same client may have a session at another listener.
    set_option(fd.get(), SOL_SOCKET, SO_REUSEADDR);
    sockaddr_in6 client;
    const socklen_t length = write_address(session.client, family, &client);
    if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&client), length) != 0) return errno;
  } else if (source.length != 0) {
    if (source.family() != family) return EAFNOSUPPORT;
    if (::bind(fd.get(), source.get(), source.length) != 0) return errno;
  }
  if (::connect(fd.get(), target.get(), target.length) != 0) {
    // It means that no port is free to send from, which is what `bind` says of it too.
    return errno == EAGAIN ? EADDRINUSE : errno;
  }
  *out = std::move(fd);
  return 0;
}

}  // namespace midstream
