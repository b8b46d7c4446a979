#pragma once

#include <openssl/crypto.h>

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "limits.h"

namespace midstream {

// Terms of TLS as `tls-terms.ts` has them; texts are checked by the library when contexts are made.

struct TlsPair {
  std::string certificate_pem;
  std::string key_pem;

  TlsPair() = default;
  TlsPair(TlsPair&&) = default;
  TlsPair& operator=(TlsPair&&) = default;
  ~TlsPair() { OPENSSL_cleanse(key_pem.data(), key_pem.size()); }
};

struct TlsIdentity {
  std::vector<TlsPair> pairs;
  std::vector<std::string> names;
};

struct HandshakeTerms {
  std::string min_version;
  std::string max_version;
  std::string cipher_list;
  std::string cipher_suites;
  std::string groups;
};

// What a client is asked for; `ClientAuthTerms` tells what each means.
enum class ClientAuth : uint8_t { kNone, kRequest, kRequire, kVerify };

using TicketKey = std::array<unsigned char, limits::kTicketKeyBytes>;

struct ClientTlsTerms {
  std::vector<TlsIdentity> identities;
  HandshakeTerms handshake;
  std::vector<std::string> alpn;
  ClientAuth client_auth = ClientAuth::kNone;
  std::string authorities_pem;
  std::vector<TicketKey> ticket_keys;
};

struct BackendTlsTerms {
  bool verify = true;
  std::string authorities_pem;
  // None or one.
  std::vector<TlsPair> pair;
  HandshakeTerms handshake;
  bool resumes = false;
};

// TLS of one dial, as `ConnectTls` has it.
struct DialTls {
  uint32_t terms = 0;
  std::string server_name;
  std::string verify_name;
  // As the extension has it: each with its length before it.
  std::string alpn;
  bool prefix_inside = false;
};

// The names as the extension of RFC 7301 has them; empty when one does not fit.
inline bool alpn_wire(const std::vector<std::string>& names, std::string* wire) {
  for (const std::string& name : names) {
    if (name.empty() || name.size() > 255) return false;
    wire->push_back(static_cast<char>(name.size()));
    wire->append(name);
  }
  return wire->size() <= UINT16_MAX;
}

}  // namespace midstream
