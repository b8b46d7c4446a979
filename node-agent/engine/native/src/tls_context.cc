// Contexts of the library, made of terms: once for many connections.

#include "tls_context.h"

#include <arpa/inet.h>
#include <openssl/sha.h>
#include <openssl/x509v3.h>

#include <algorithm>

#include "tls_material.h"
#include "tls_session.h"

namespace midstream {

namespace {

TlsSession* session_of(const SSL* ssl) { return static_cast<TlsSession*>(SSL_get_app_data(ssl)); }

// A client without a name, or with one that nobody has, is shown the first identity.
int choose_identity(SSL* ssl, int*, void*) {
  const char* asked = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
  const TlsSession* session = session_of(ssl);
  if (asked == nullptr || session == nullptr) return SSL_TLSEXT_ERR_OK;
  SSL_CTX* context = session->client_terms()->context_for(asked);
  if (context != nullptr && context != SSL_get_SSL_CTX(ssl)) SSL_set_SSL_CTX(ssl, context);
  return SSL_TLSEXT_ERR_OK;
}

int choose_protocol(SSL* ssl, const unsigned char** out, unsigned char* out_size,
                    const unsigned char* offered, unsigned int offered_size, void*) {
  const TlsSession* session = session_of(ssl);
  if (session == nullptr) return SSL_TLSEXT_ERR_ALERT_FATAL;
  const std::string& ours = session->client_terms()->alpn();
  unsigned char* chosen = nullptr;
  const int answer =
      SSL_select_next_proto(&chosen, out_size, reinterpret_cast<const unsigned char*>(ours.data()),
                            static_cast<unsigned int>(ours.size()), offered, offered_size);
  *out = chosen;
  return answer == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

int on_ticket(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher,
              EVP_MAC_CTX* mac, int seals) {
  TlsSession* session = session_of(ssl);
  if (session == nullptr) return 0;
  ClientTls* terms = session->client_terms();
  return seals == 1 ? terms->seal_ticket(name, iv, cipher, mac)
                    : terms->open_ticket(name, iv, cipher, mac);
}

// Certificates that are asked for and not checked.
int accept_any(X509_STORE_CTX*, void*) { return 1; }

// Keeps what a backend gave to resume; 1 when its ownership is taken.
int keep_session(SSL* ssl, SSL_SESSION* given) {
  const TlsSession* session = session_of(ssl);
  if (session == nullptr || session->seat() == nullptr) return 0;
  session->seat()->session.reset(given);
  return 1;
}

// A session holds what was true of its client: terms that ask for something else resume none of it.
bool bind_sessions(SSL_CTX* context, const ClientTlsTerms& terms) {
  const std::string asked = std::to_string(static_cast<int>(terms.client_auth)) + terms.authorities_pem;
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  return EVP_Digest(asked.data(), asked.size(), digest, &size, EVP_sha256(), nullptr) == 1 &&
         SSL_CTX_set_session_id_context(
             context, digest, std::min<unsigned int>(size, SSL_MAX_SSL_SESSION_ID_LENGTH)) == 1;
}

void ask_for_certificate(SSL_CTX* context, ClientAuth mode, X509_STORE* authorities) {
  switch (mode) {
    case ClientAuth::kNone:
      return;
    case ClientAuth::kRequest:
      SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
      SSL_CTX_set_cert_verify_callback(context, accept_any, nullptr);
      return;
    case ClientAuth::kRequire:
      SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
      SSL_CTX_set_cert_verify_callback(context, accept_any, nullptr);
      return;
    case ClientAuth::kVerify:
      SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
      SSL_CTX_set1_cert_store(context, authorities);
  }
}

void set_common_options(SSL_CTX* context) {
  // An idle connection keeps no record buffers.
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
  // Streams may end without saying so: most programs do it. Nobody negotiates twice.
  SSL_CTX_set_options(context, SSL_OP_IGNORE_UNEXPECTED_EOF | SSL_OP_NO_RENEGOTIATION);
}

bool is_address(const std::string& name) {
  in6_addr address;
  return inet_pton(AF_INET, name.c_str(), &address) == 1 ||
         inet_pton(AF_INET6, name.c_str(), &address) == 1;
}

}  // namespace

std::shared_ptr<ClientTls> ClientTls::make(const ClientTlsTerms& terms, TlsRefusal* refusal) {
  const ErrorScope errors;
  const std::shared_ptr<ClientTls> made(new ClientTls);
  made->client_auth_ = terms.client_auth;
  made->ticket_keys_ = terms.ticket_keys;
  made->ticket_cipher_.reset(EVP_CIPHER_fetch(nullptr, "AES-128-CBC", nullptr));
  if (!alpn_wire(terms.alpn, &made->alpn_)) {
    *refusal = {"bad-alpn", "a protocol has 1 to 255 bytes"};
    return nullptr;
  }
  const X509StorePtr authorities = store_of(terms.authorities_pem, refusal);
  if (authorities == nullptr) return nullptr;
  if (terms.client_auth == ClientAuth::kVerify && terms.authorities_pem.empty()) {
    *refusal = {"bad-authorities", "none to verify by"};
    return nullptr;
  }
  if (terms.identities.empty()) *refusal = {"bad-certificate", "no identity"};
  for (const TlsIdentity& identity : terms.identities) {
    if (!made->add_identity(terms, identity, authorities.get(), refusal)) return nullptr;
  }
  return refusal->code == nullptr ? made : nullptr;
}

bool ClientTls::add_identity(const ClientTlsTerms& terms, const TlsIdentity& identity,
                             X509_STORE* authorities, TlsRefusal* refusal) {
  SslContextPtr context(SSL_CTX_new(TLS_server_method()));
  if (context == nullptr || !bind_sessions(context.get(), terms)) {
    *refusal = {"bad-handshake", library_error()};
    return false;
  }
  set_common_options(context.get());
  SSL_CTX_set_options(context.get(), SSL_OP_CIPHER_SERVER_PREFERENCE);
  if (!use_handshake(context.get(), terms.handshake, refusal)) return false;
  if (identity.pairs.empty()) *refusal = {"bad-certificate", "an identity without a certificate"};
  for (const TlsPair& pair : identity.pairs) {
    if (!use_pair(context.get(), pair, refusal)) return false;
  }
  if (refusal->code != nullptr) return false;
  ask_for_certificate(context.get(), terms.client_auth, authorities);
  const bool asks = terms.client_auth != ClientAuth::kNone;
  if (asks && !name_authorities(context.get(), terms.authorities_pem)) {
    *refusal = {"bad-authorities", library_error()};
    return false;
  }
  SSL_CTX_set_tlsext_servername_callback(context.get(), choose_identity);
  if (!alpn_.empty()) SSL_CTX_set_alpn_select_cb(context.get(), choose_protocol, nullptr);
  // Sessions live with the clients, in tickets, or nowhere.
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  if (ticket_keys_.empty()) {
    SSL_CTX_set_options(context.get(), SSL_OP_NO_TICKET);
    SSL_CTX_set_num_tickets(context.get(), 0);
  } else {
    SSL_CTX_set_tlsext_ticket_key_evp_cb(context.get(), on_ticket);
  }
  for (const std::string& name : identity.names) {
    const bool is_wildcard = name.size() > 2 && name.compare(0, 2, "*.") == 0;
    (is_wildcard ? wildcards_ : names_).emplace(is_wildcard ? name.substr(2) : name, contexts_.size());
  }
  contexts_.push_back(std::move(context));
  return true;
}

SSL_CTX* ClientTls::context_for(std::string_view asked) const {
  std::string name(asked);
  std::transform(name.begin(), name.end(), name.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  const auto exact = names_.find(name);
  if (exact != names_.end()) return contexts_[exact->second].get();
  const size_t dot = name.find('.');
  if (dot == 0 || dot == std::string::npos) return nullptr;
  const auto wildcard = wildcards_.find(name.substr(dot + 1));
  return wildcard == wildcards_.end() ? nullptr : contexts_[wildcard->second].get();
}

std::shared_ptr<BackendSessions::Seat> BackendSessions::seat_of(const std::string& key) {
  const auto found = by_key_.find(key);
  if (found != by_key_.end()) {
    entries_.splice(entries_.begin(), entries_, found->second);
    return entries_.front().seat;
  }
  if (entries_.size() >= limits::kBackendSessionsMax) {
    by_key_.erase(entries_.back().key);
    entries_.pop_back();
  }
  entries_.push_front({key, std::make_shared<Seat>()});
  by_key_.emplace(key, entries_.begin());
  return entries_.front().seat;
}

std::shared_ptr<BackendTls> BackendTls::make(const BackendTlsTerms& terms, TlsRefusal* refusal) {
  const ErrorScope errors;
  const std::shared_ptr<BackendTls> made(new BackendTls);
  made->verify_ = terms.verify;
  made->resumes_ = terms.resumes;
  made->context_.reset(SSL_CTX_new(TLS_client_method()));
  SSL_CTX* context = made->context_.get();
  if (context == nullptr) {
    *refusal = {"bad-handshake", library_error()};
    return nullptr;
  }
  set_common_options(context);
  if (!use_handshake(context, terms.handshake, refusal)) return nullptr;
  for (const TlsPair& pair : terms.pair) {
    if (!use_pair(context, pair, refusal)) return nullptr;
  }
  const X509StorePtr authorities = store_of(terms.authorities_pem, refusal);
  if (authorities == nullptr) return nullptr;
  SSL_CTX_set1_cert_store(context, authorities.get());
  SSL_CTX_set_verify(context, terms.verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nullptr);
  if (terms.resumes) {
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(context, keep_session);
  } else {
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  }
  return made;
}

SslPtr BackendTls::begin(const DialTls& dial) const {
  SslPtr ssl(SSL_new(context_.get()));
  if (ssl == nullptr) return nullptr;
  if (!dial.server_name.empty() &&
      SSL_set_tlsext_host_name(ssl.get(), dial.server_name.c_str()) != 1) {
    return nullptr;
  }
  const auto* alpn = reinterpret_cast<const unsigned char*>(dial.alpn.data());
  // 0 is success here.
  if (!dial.alpn.empty() &&
      SSL_set_alpn_protos(ssl.get(), alpn, static_cast<unsigned int>(dial.alpn.size())) != 0) {
    return nullptr;
  }
  if (!verify_) return ssl;
  X509_VERIFY_PARAM* checks = SSL_get0_param(ssl.get());
  X509_VERIFY_PARAM_set_hostflags(
      checks, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
  if (dial.verify_name.empty()) return nullptr;
  const int taken =
      is_address(dial.verify_name)
          ? X509_VERIFY_PARAM_set1_ip_asc(checks, dial.verify_name.c_str())
          : X509_VERIFY_PARAM_set1_host(checks, dial.verify_name.data(), dial.verify_name.size());
  return taken == 1 ? std::move(ssl) : nullptr;
}

std::shared_ptr<BackendSessions::Seat> BackendTls::seat_of(const std::string& target,
                                                           const DialTls& dial) {
  if (!resumes_) return nullptr;
  std::string key = target;
  for (const std::string* part : {&dial.server_name, &dial.verify_name, &dial.alpn}) {
    key.append(1, '\0').append(*part);
  }
  return sessions_.seat_of(key);
}

}  // namespace midstream
