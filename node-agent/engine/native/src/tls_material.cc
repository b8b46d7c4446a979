// Certificates, keys and choices of a handshake, on their way into the library.

#include "tls_material.h"

#include <openssl/pem.h>

namespace midstream {

namespace {

bool refuse(TlsRefusal* refusal, const char* code, std::string detail) {
  refusal->code = code;
  refusal->detail = std::move(detail);
  return false;
}

BioPtr reader_of(const std::string& text) {
  return BioPtr(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

// Keys are given in clear; without this the library would ask on a terminal.
int no_passphrase(char*, int, int, void*) { return -1; }

// All certificates of a text, in order. Empty when there is none, or one cannot be read.
X509ChainPtr read_certificates(const std::string& pem) {
  X509ChainPtr chain(sk_X509_new_null());
  const BioPtr bio = reader_of(pem);
  if (chain == nullptr || bio == nullptr) return nullptr;
  for (;;) {
    X509Ptr next(PEM_read_bio_X509(bio.get(), nullptr, no_passphrase, nullptr));
    if (next == nullptr) break;
    if (sk_X509_push(chain.get(), next.get()) <= 0) return nullptr;
    (void)next.release();
  }
  // Anything but the end of the text is a certificate that is none.
  const unsigned long last = ERR_peek_last_error();
  const bool is_at_end =
      ERR_GET_LIB(last) == ERR_LIB_PEM && ERR_GET_REASON(last) == PEM_R_NO_START_LINE;
  if (!is_at_end || sk_X509_num(chain.get()) == 0) return nullptr;
  ERR_clear_error();
  return chain;
}

int version_of(const std::string& name) {
  if (name == "TLSv1") return TLS1_VERSION;
  if (name == "TLSv1.1") return TLS1_1_VERSION;
  if (name == "TLSv1.2") return TLS1_2_VERSION;
  return name == "TLSv1.3" ? TLS1_3_VERSION : 0;
}

}  // namespace

std::string library_error() {
  const unsigned long error = ERR_peek_error();
  const char* reason = error == 0 ? nullptr : ERR_reason_error_string(error);
  return reason == nullptr ? "not accepted" : reason;
}

bool use_handshake(SSL_CTX* context, const HandshakeTerms& terms, TlsRefusal* refusal) {
  const char* code = "bad-handshake";
  const int lowest = version_of(terms.min_version);
  const int highest = version_of(terms.max_version);
  if (lowest == 0 || highest == 0 || lowest > highest) {
    return refuse(refusal, code, "no such range of versions");
  }
  if (SSL_CTX_set_min_proto_version(context, lowest) != 1 ||
      SSL_CTX_set_max_proto_version(context, highest) != 1) {
    return refuse(refusal, code, "versions: " + library_error());
  }
  const bool lists = !terms.cipher_list.empty();
  if (lists && SSL_CTX_set_cipher_list(context, terms.cipher_list.c_str()) != 1) {
    return refuse(refusal, code, "cipher list: " + library_error());
  }
  const bool chooses = !terms.cipher_suites.empty();
  if (chooses && SSL_CTX_set_ciphersuites(context, terms.cipher_suites.c_str()) != 1) {
    return refuse(refusal, code, "cipher suites: " + library_error());
  }
  if (!terms.groups.empty() && SSL_CTX_set1_groups_list(context, terms.groups.c_str()) != 1) {
    return refuse(refusal, code, "groups: " + library_error());
  }
  return true;
}

bool use_pair(SSL_CTX* context, const TlsPair& pair, TlsRefusal* refusal) {
  X509ChainPtr chain = read_certificates(pair.certificate_pem);
  if (chain == nullptr) return refuse(refusal, "bad-certificate", library_error());
  const X509Ptr leaf(sk_X509_shift(chain.get()));
  const BioPtr bio = reader_of(pair.key_pem);
  if (bio == nullptr) return refuse(refusal, "bad-key", library_error());
  const KeyPtr key(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_passphrase, nullptr));
  if (key == nullptr) return refuse(refusal, "bad-key", library_error());
  if (X509_check_private_key(leaf.get(), key.get()) != 1) {
    return refuse(refusal, "key-mismatch", library_error());
  }
  if (SSL_CTX_use_cert_and_key(context, leaf.get(), key.get(), chain.get(), 1) != 1) {
    return refuse(refusal, "bad-certificate", library_error());
  }
  return true;
}

X509StorePtr store_of(const std::string& pem, TlsRefusal* refusal) {
  X509StorePtr store(X509_STORE_new());
  const X509ChainPtr authorities = pem.empty() ? nullptr : read_certificates(pem);
  if (store == nullptr || (!pem.empty() && authorities == nullptr)) {
    refuse(refusal, "bad-authorities", library_error());
    return nullptr;
  }
  const int count = authorities == nullptr ? 0 : sk_X509_num(authorities.get());
  for (int index = 0; index < count; ++index) {
    if (X509_STORE_add_cert(store.get(), sk_X509_value(authorities.get(), index)) == 1) continue;
    refuse(refusal, "bad-authorities", library_error());
    return nullptr;
  }
  return store;
}

bool name_authorities(SSL_CTX* context, const std::string& pem) {
  const X509ChainPtr authorities = read_certificates(pem);
  const int count = authorities == nullptr ? 0 : sk_X509_num(authorities.get());
  for (int index = 0; index < count; ++index) {
    if (SSL_CTX_add_client_CA(context, sk_X509_value(authorities.get(), index)) != 1) return false;
  }
  return true;
}

}  // namespace midstream
