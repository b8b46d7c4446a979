#pragma once

#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "tls_handles.h"
#include "tls_terms.h"

namespace midstream {

// Why terms are refused; `code` is one of `TlsRefusal` in tls-terms.ts, null when they are not.
struct TlsRefusal {
  const char* code = nullptr;
  std::string detail;
};

// The terms of TLS towards clients, in the library's form: a context for each identity.
class ClientTls {
 public:
  // Null when the library refuses them.
  static std::shared_ptr<ClientTls> make(const ClientTlsTerms& terms, TlsRefusal* refusal);
  ClientTls(const ClientTls&) = delete;
  ClientTls& operator=(const ClientTls&) = delete;

  // The conversation of one client; null when there is no memory.
  SslPtr begin() const { return SslPtr(SSL_new(contexts_.front().get())); }

  bool verifies() const { return client_auth_ == ClientAuth::kVerify; }

  // What the library asks in the course of a handshake.
  SSL_CTX* context_for(std::string_view name) const;
  const std::string& alpn() const { return alpn_; }
  int seal_ticket(unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac);
  int open_ticket(const unsigned char* name, const unsigned char* iv, EVP_CIPHER_CTX* cipher,
                  EVP_MAC_CTX* mac);

 private:
  ClientTls() = default;
  bool add_identity(const ClientTlsTerms& terms, const TlsIdentity& identity, X509_STORE* authorities,
                    TlsRefusal* refusal);

  std::vector<SslContextPtr> contexts_;
  // Contexts by name; of names with a wildcard, by what stands after it.
  std::unordered_map<std::string, size_t> names_;
  std::unordered_map<std::string, size_t> wildcards_;
  std::string alpn_;
  std::vector<TicketKey> ticket_keys_;
  CipherPtr ticket_cipher_;
  ClientAuth client_auth_ = ClientAuth::kNone;
};

// Sessions that backends gave to be resumed, the last one of each. The least recently used goes first.
class BackendSessions {
 public:
  // Where the session of one backend is kept; it outlives its place in the list while it is in use.
  struct Seat {
    SslSessionPtr session;
  };

  std::shared_ptr<Seat> seat_of(const std::string& key);

 private:
  struct Entry {
    std::string key;
    std::shared_ptr<Seat> seat;
  };
  std::list<Entry> entries_;
  std::unordered_map<std::string, std::list<Entry>::iterator> by_key_;
};

// The terms of TLS towards backends, in the library's form.
class BackendTls {
 public:
  static std::shared_ptr<BackendTls> make(const BackendTlsTerms& terms, TlsRefusal* refusal);
  BackendTls(const BackendTls&) = delete;
  BackendTls& operator=(const BackendTls&) = delete;

  // The conversation of one dial; null when the dial's names are none, or there is no memory.
  SslPtr begin(const DialTls& dial) const;
  // Null when sessions are not resumed.
  std::shared_ptr<BackendSessions::Seat> seat_of(const std::string& target, const DialTls& dial);

 private:
  BackendTls() = default;

  SslContextPtr context_;
  BackendSessions sessions_;
  bool verify_ = true;
  bool resumes_ = false;
};

}  // namespace midstream
