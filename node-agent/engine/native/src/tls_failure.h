#pragma once

#include <openssl/ssl.h>

#include <cstdint>

namespace midstream {

// Why a handshake failed; the order is that of `tlsFailures` in tls-terms.ts. Events carry them by
// number from 1 on, and 0 when there is none.
enum class TlsFailure : uint8_t {
  kNone,
  kNotTls,
  kNoSharedVersion,
  kNoSharedCipher,
  kNoSharedAlpn,
  kNoCertificate,
  kUntrusted,
  kExpired,
  kNameMismatch,
  kAlert,
  kEnded,
  kProtocol,
};

// Of a handshake that has just failed on this thread, out of the library's queue of errors, which is then empty.
TlsFailure failure_of(const SSL* ssl);

}  // namespace midstream
