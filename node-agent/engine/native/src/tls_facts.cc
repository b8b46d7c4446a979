// What the library knows of a handshake that is done.

#include "tls_facts.h"

#include <algorithm>

#include "tls_session.h"

namespace midstream {

namespace {

std::string text_of(const char* text) { return text == nullptr ? std::string() : std::string(text); }

// Of the subject, the last if there are several, as UTF-8.
std::string common_name_of(const X509* certificate) {
  const X509_NAME* subject = X509_get_subject_name(certificate);
  int last = -1;
  for (int next = -1; (next = X509_NAME_get_index_by_NID(subject, NID_commonName, next)) >= 0;) {
    last = next;
  }
  if (last < 0) return {};
  unsigned char* utf8 = nullptr;
  const int size = ASN1_STRING_to_UTF8(
      &utf8, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, last)));
  if (size < 0) return {};
  std::string name(reinterpret_cast<char*>(utf8), static_cast<size_t>(size));
  OPENSSL_free(utf8);
  return name;
}

}  // namespace

TlsFacts facts_of(const TlsSession& session) {
  const ErrorScope errors;
  const SSL* ssl = session.ssl();
  TlsFacts facts;
  facts.server_name = text_of(SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name));
  std::transform(facts.server_name.begin(), facts.server_name.end(), facts.server_name.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  const unsigned char* alpn = nullptr;
  unsigned int alpn_size = 0;
  SSL_get0_alpn_selected(ssl, &alpn, &alpn_size);
  if (alpn != nullptr) facts.alpn.assign(reinterpret_cast<const char*>(alpn), alpn_size);
  facts.version = text_of(SSL_get_version(ssl));
  facts.cipher = text_of(SSL_CIPHER_get_name(SSL_get_current_cipher(ssl)));
  facts.is_resumed = SSL_session_reused(ssl) == 1;
  const X509* certificate = SSL_get0_peer_certificate(ssl);
  facts.has_certificate = certificate != nullptr;
  if (certificate == nullptr) return facts;
  facts.common_name = common_name_of(certificate);
  facts.is_verified = session.client_terms() != nullptr && session.client_terms()->verifies();
  return facts;
}

}  // namespace midstream
