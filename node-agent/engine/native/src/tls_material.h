#pragma once

#include <string>

#include "tls_context.h"
#include "tls_handles.h"
#include "tls_terms.h"

namespace midstream {

// The first error that the library left, in its own words.
std::string library_error();

// Each is false, with the reason in `refusal`, when the library does not take it.
bool use_handshake(SSL_CTX* context, const HandshakeTerms& terms, TlsRefusal* refusal);
bool use_pair(SSL_CTX* context, const TlsPair& pair, TlsRefusal* refusal);
// Null when a certificate cannot be read.
X509StorePtr store_of(const std::string& pem, TlsRefusal* refusal);
// Tells clients that are asked for a certificate whose signatures are taken.
bool name_authorities(SSL_CTX* context, const std::string& pem);

}  // namespace midstream
