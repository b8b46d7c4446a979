#pragma once

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <memory>

namespace midstream {

// Owners of what the TLS library hands out; each is freed exactly once.
template <auto Free>
struct FreedBy {
  template <typename Handle>
  void operator()(Handle* handle) const {
    Free(handle);
  }
};

inline void free_chain(STACK_OF(X509) * chain) { sk_X509_pop_free(chain, X509_free); }

using SslPtr = std::unique_ptr<SSL, FreedBy<SSL_free>>;
using SslContextPtr = std::unique_ptr<SSL_CTX, FreedBy<SSL_CTX_free>>;
using SslSessionPtr = std::unique_ptr<SSL_SESSION, FreedBy<SSL_SESSION_free>>;
using BioPtr = std::unique_ptr<BIO, FreedBy<BIO_free>>;
using BioMethodPtr = std::unique_ptr<BIO_METHOD, FreedBy<BIO_meth_free>>;
using X509Ptr = std::unique_ptr<X509, FreedBy<X509_free>>;
using X509ChainPtr = std::unique_ptr<STACK_OF(X509), FreedBy<free_chain>>;
using X509StorePtr = std::unique_ptr<X509_STORE, FreedBy<X509_STORE_free>>;
using KeyPtr = std::unique_ptr<EVP_PKEY, FreedBy<EVP_PKEY_free>>;
using CipherPtr = std::unique_ptr<EVP_CIPHER, FreedBy<EVP_CIPHER_free>>;

// The library's queue of errors is the thread's, and Node's own cryptography looks at it: it is empty
// before our calls, so that what stands there is theirs, and empty afterwards.
class ErrorScope {
 public:
  ErrorScope() { clear(); }
  ~ErrorScope() { clear(); }
  ErrorScope(const ErrorScope&) = delete;
  ErrorScope& operator=(const ErrorScope&) = delete;

 private:
  // Looking is much cheaper than clearing, and nearly always there is nothing.
  static void clear() {
    if (ERR_peek_error() != 0) ERR_clear_error();
  }
};

}  // namespace midstream
