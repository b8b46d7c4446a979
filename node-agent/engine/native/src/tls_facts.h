#pragma once

#include <string>

namespace midstream {

class TlsSession;

// What a client's handshake came to, as `ClientTlsFacts` has it.
struct TlsFacts {
  std::string server_name;
  std::string alpn;
  std::string version;
  std::string cipher;
  std::string common_name;
  bool has_certificate = false;
  bool is_verified = false;
  bool is_resumed = false;
};

TlsFacts facts_of(const TlsSession& session);

}  // namespace midstream
