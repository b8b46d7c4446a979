// Session tickets (RFC 5077, 4; RFC 8446, 4.6.1) with keys that somebody else rotates: 16 bytes of
// name, 16 of an HMAC-SHA256 key, 16 of an AES-128-CBC key.

#include <openssl/core_names.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include <cstring>

#include "tls_context.h"

namespace midstream {

namespace {

constexpr size_t kPart = limits::kTicketKeyPartBytes;

const unsigned char* mac_key(const TicketKey& key) { return key.data() + kPart; }
const unsigned char* cipher_key(const TicketKey& key) { return key.data() + 2 * kPart; }

bool use_mac(EVP_MAC_CTX* mac, const TicketKey& key) {
  char digest[] = "SHA256";
  OSSL_PARAM params[] = {
      OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, const_cast<unsigned char*>(mac_key(key)),
                                        kPart),
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
      OSSL_PARAM_construct_end(),
  };
  return EVP_MAC_CTX_set_params(mac, params) == 1;
}

}  // namespace

// The library's answers: 1 for success, 0 for going on without a ticket, below 0 for an error.
int ClientTls::seal_ticket(unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher,
                           EVP_MAC_CTX* mac) {
  if (ticket_keys_.empty()) return 0;
  const TicketKey& key = ticket_keys_.front();
  memcpy(name, key.data(), kPart);
  const int iv_bytes = EVP_CIPHER_get_iv_length(ticket_cipher_.get());
  if (RAND_bytes(iv, iv_bytes) != 1 || !use_mac(mac, key)) return -1;
  return EVP_EncryptInit_ex2(cipher, ticket_cipher_.get(), cipher_key(key), iv, nullptr) == 1 ? 1 : -1;
}

// 2 has the ticket replaced.
int ClientTls::open_ticket(const unsigned char* name, const unsigned char* iv,
                           EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac) {
  for (size_t index = 0; index < ticket_keys_.size(); ++index) {
    const TicketKey& key = ticket_keys_[index];
    if (memcmp(name, key.data(), kPart) != 0) continue;
    if (!use_mac(mac, key)) return -1;
    const int opened = EVP_DecryptInit_ex2(cipher, ticket_cipher_.get(), cipher_key(key), iv, nullptr);
    if (opened != 1) return -1;
    return index == 0 ? 1 : 2;
  }
  return 0;
}

}  // namespace midstream
