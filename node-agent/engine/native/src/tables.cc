// What commands refer to by index: targets, terms, and what TLS a dial has.

#include <algorithm>

#include "engine.h"
#include "socket_address.h"

namespace midstream {

int64_t Engine::add_target(const char* host, int port) {
  if (targets_.size() >= limits::kTargetsMax || port < 1) return -1;
  SocketAddress target;
  if (!target.set_tcp(host, port)) return -1;
  targets_.push_back(target);
  return static_cast<int64_t>(targets_.size()) - 1;
}

int64_t Engine::add_unix_target(const std::string& path) {
  SocketAddress target;
  if (targets_.size() >= limits::kTargetsMax || !target.set_unix(path)) return -1;
  targets_.push_back(target);
  return static_cast<int64_t>(targets_.size()) - 1;
}

int64_t Engine::add_terms(const Terms& terms) {
  if (terms_.size() >= limits::kTermsMax) return -1;
  terms_.push_back(terms);
  return static_cast<int64_t>(terms_.size()) - 1;
}

int64_t Engine::add_dial_tls(DialTls dial) {
  if (dial_tls_.size() >= limits::kTermsMax) return -1;
  dial_tls_.push_back(std::move(dial));
  return static_cast<int64_t>(dial_tls_.size()) - 1;
}

void Engine::clear_tables() {
  dial_tls_.clear();
  targets_.clear();
  terms_.clear();
}

}  // namespace midstream
