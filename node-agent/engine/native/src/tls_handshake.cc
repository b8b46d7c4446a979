// Handshakes: with clients that are told to be secured, and with backends whose dial has TLS.

#include <sys/epoll.h>
#include <sys/socket.h>

#include <cerrno>

#include "engine.h"
#include "socket_option.h"
#include "tls_session.h"

namespace midstream {

bool Engine::set_client_tls(uint32_t id, const ClientTlsTerms& terms, TlsRefusal* refusal) {
  const bool is_known = tls_terms_.find(id) != tls_terms_.end();
  if (!is_known && tls_terms_.size() >= limits::kTlsTermsMax) return false;
  auto made = ClientTls::make(terms, refusal);
  if (made == nullptr) return false;
  tls_terms_[id] = {std::move(made), nullptr};
  return true;
}

bool Engine::set_backend_tls(uint32_t id, const BackendTlsTerms& terms, TlsRefusal* refusal) {
  const bool is_known = tls_terms_.find(id) != tls_terms_.end();
  if (!is_known && tls_terms_.size() >= limits::kTlsTermsMax) return false;
  auto made = BackendTls::make(terms, refusal);
  if (made == nullptr) return false;
  tls_terms_[id] = {nullptr, std::move(made)};
  return true;
}

// Whoever is in conversation by these terms keeps them.
void Engine::forget_tls(uint32_t id) { tls_terms_.erase(id); }

TlsWire& Engine::wire() {
  if (wire_ == nullptr) wire_ = std::make_unique<TlsWire>();
  return *wire_;
}

void Engine::secure(Connection& connection, uint32_t terms, uint64_t timeout_ms) {
  Side& client = connection.side[kClient];
  if (connection.phase != Phase::kAccepted || client.tls != nullptr) return;
  const auto found = tls_terms_.find(terms);
  if (found != tls_terms_.end() && found->second.client != nullptr) {
    client.tls = TlsSession::begin(wire(), client, found->second.client);
  }
  if (client.tls == nullptr) {
    connection.tls_failure = TlsFailure::kProtocol;
    end(connection, CloseReason::kHandshakeFailed, false);
    return;
  }
  connection.phase = Phase::kSecuringClient;
  if (timeout_ms > 0) wheel_.schedule(connection, clock_ms_ + timeout_ms);
  // Most clients have spoken by now. Reading before watching saves an event.
  client.readable = client.writable = true;
  list_as_securing(connection);
}

// Before the dial, so that it fails at once when it cannot be carried out.
bool Engine::begin_backend_tls(Connection& connection, const SocketAddress& target) {
  if (connection.terms.dial_tls >= dial_tls_.size()) return connection.terms.dial_tls == UINT32_MAX;
  const DialTls& dial = dial_tls_[connection.terms.dial_tls];
  const auto found = tls_terms_.find(dial.terms);
  if (found == tls_terms_.end() || found->second.backend == nullptr) return false;
  Side& backend = connection.side[kBackend];
  const std::string key(reinterpret_cast<const char*>(target.get()), target.length);
  backend.tls = TlsSession::begin(wire(), backend, found->second.backend, dial, key);
  connection.prefix_in_clear = !dial.prefix_inside;
  return backend.tls != nullptr;
}

void Engine::secure_backend(Connection& connection) {
  connection.phase = Phase::kSecuringBackend;
  Side& backend = connection.side[kBackend];
  backend.writable = true;
  make_prompt(backend.fd.get());
  backend.prompt = true;
  const auto prefix = prefixes_.find(connection.slot);
  if (prefix != prefixes_.end() && connection.prefix_in_clear) {
    backend.tls->write_in_clear(prefix->second.data(), prefix->second.size());
    prefixes_.erase(prefix);
  }
  list_as_securing(connection);
}

void Engine::list_as_securing(Connection& connection) {
  if (!connection.listed_as_securing) securing_.push_back(Slots::id_of(connection));
  connection.listed_as_securing = true;
}

// Handshakes are what takes longest: they come after everything else, in turn, and no more of them at
// a time than others can wait for.
void Engine::run_securing() {
  if (securing_.empty()) return;
  const uint64_t end_ns = uv_hrtime() + limits::kHandshakesNs;
  size_t next = 0;
  const size_t listed = securing_.size();
  while (next < listed) {
    Connection* connection = slots_.find(securing_[next++]);
    if (connection == nullptr) continue;
    connection->listed_as_securing = false;
    shake(*connection);
    if (uv_hrtime() >= end_ns) break;
  }
  securing_.erase(securing_.begin(), securing_.begin() + static_cast<std::ptrdiff_t>(next));
}

void Engine::shake(Connection& connection) {
  const bool is_client = connection.phase == Phase::kSecuringClient;
  if (!is_client && connection.phase != Phase::kSecuringBackend) return;
  const int side = is_client ? kClient : kBackend;
  Side& self = connection.side[side];
  wire_->reads_left = limits::kReadsPerTurn;
  const TlsSession::Status status = self.tls->shake();
  size_t moved = 0;
  // Of TLS 1.3 these are tickets now. A client that has asked for something already gets them with its
  // answer, or when the kernel has waited for one long enough (200 ms).
  const bool may_wait = status == TlsSession::Status::kDone && is_client && self.tls->has_early_request();
  const TlsSession::Sent sent = self.tls->send(&moved, may_wait ? MSG_MORE : 0);
  // The client is watched from here on, the backend is already.
  const bool is_watched = watch(connection, side, sent == TlsSession::Sent::kBlocked);
  switch (status) {
    case TlsSession::Status::kDone:
      if (!is_watched) break;
      if (is_client) return tell_secured(connection);
      return start_tls_relay(connection);
    case TlsSession::Status::kBlocked:
      if (!is_watched || sent == TlsSession::Sent::kRefused) break;
      if (self.readable) list_as_securing(connection);
      return;
    case TlsSession::Status::kEnded:
    case TlsSession::Status::kBroken:
    case TlsSession::Status::kFailed:
      return fail_handshake(connection, self.tls->failure());
  }
  fail_handshake(connection, TlsFailure::kEnded);
}

void Engine::tell_secured(Connection& connection) {
  wheel_.cancel(connection);
  connection.phase = Phase::kAccepted;
  events_.secured(Slots::id_of(connection), now_ms_);
}

void Engine::fail_handshake(Connection& connection, TlsFailure failure) {
  if (connection.phase == Phase::kSecuringBackend) {
    fail_connect(connection, 0, failure);
    return;
  }
  connection.tls_failure = failure;
  if (failure == TlsFailure::kEnded) {
    end(connection, CloseReason::kHandshakeFailed, false);
    return;
  }
  // The alert is to arrive: a socket that is closed with bytes unread resets its peer.
  connection.direction[kClient].end_sent = true;
  connection.direction[kBackend].source_done = true;
  const double id = Slots::id_of(connection);
  start_flushing(connection, CloseReason::kHandshakeFailed);
  if (slots_.find(id) == &connection) wheel_.schedule(connection, clock_ms_ + limits::kAlertMs);
}

}  // namespace midstream
