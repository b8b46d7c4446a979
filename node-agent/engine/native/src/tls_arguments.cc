// Terms of TLS as JavaScript gives them (tls-terms.ts), and what it is told of a handshake.

#include "tls_arguments.h"

#include "call.h"
#include "object_reader.h"
#include "tls_facts.h"
#include "tls_session.h"

namespace midstream {

namespace {

std::vector<TlsPair> read_pairs(const std::vector<ObjectReader>& items) {
  std::vector<TlsPair> pairs;
  for (const ObjectReader& item : items) {
    TlsPair pair;
    pair.certificate_pem = item.at("certificatePem").text();
    pair.key_pem = item.at("keyPem").text();
    pairs.push_back(std::move(pair));
  }
  return pairs;
}

HandshakeTerms read_handshake(const ObjectReader& terms) {
  return {terms.at("minVersion").text(), terms.at("maxVersion").text(), terms.at("cipherList").text(),
          terms.at("cipherSuites").text(), terms.at("groups").text()};
}

bool read_client_auth(const std::string& mode, ClientAuth* out) {
  const char* modes[] = {"none", "request", "require", "verify"};
  for (uint8_t index = 0; index < 4; ++index) {
    if (mode != modes[index]) continue;
    *out = static_cast<ClientAuth>(index);
    return true;
  }
  return false;
}

// False when a ticket key has another size; whatever else is wrong leaves the reader's mark.
bool read_client_terms(const ObjectReader& value, ClientTlsTerms* terms, bool* is_wrong) {
  for (const ObjectReader& item : value.at("identities").items()) {
    terms->identities.push_back({read_pairs(item.at("pairs").items()), item.at("names").texts()});
  }
  terms->handshake = read_handshake(value.at("handshake"));
  terms->alpn = value.at("alpn").texts();
  terms->authorities_pem = value.at("clientAuth").at("authoritiesPem").text();
  if (!read_client_auth(value.at("clientAuth").at("mode").text(), &terms->client_auth)) {
    *is_wrong = true;
  }
  bool fits = true;
  for (const ObjectReader& item : value.at("ticketKeys").items()) {
    TicketKey key;
    fits = item.bytes(key.data(), key.size()) && fits;
    terms->ticket_keys.push_back(key);
  }
  return fits;
}

BackendTlsTerms read_backend_terms(const ObjectReader& value) {
  BackendTlsTerms terms;
  terms.verify = value.at("verify").flag();
  terms.authorities_pem = value.at("authoritiesPem").text();
  const ObjectReader pair = value.at("pair");
  if (!pair.is_undefined()) terms.pair = read_pairs({pair});
  terms.handshake = read_handshake(value.at("handshake"));
  terms.resumes = value.at("resumes").flag();
  return terms;
}

napi_value refusal_value(napi_env env, const TlsRefusal& refusal) {
  const char* code = refusal.code == nullptr ? "unsupported" : refusal.code;
  const std::string detail = refusal.code == nullptr ? "there are too many terms" : refusal.detail;
  napi_value list, value;
  napi_create_array_with_length(env, 2, &list);
  napi_create_string_utf8(env, code, NAPI_AUTO_LENGTH, &value);
  napi_set_element(env, list, 0, value);
  napi_create_string_utf8(env, detail.data(), detail.size(), &value);
  napi_set_element(env, list, 1, value);
  return list;
}

// Nothing was set: the caller has broken its own types.
napi_value refuse_type(napi_env env) {
  napi_throw_type_error(env, nullptr, "expected (id, terms) as in tls-terms.ts");
  return nullptr;
}

}  // namespace

napi_value set_client_tls(napi_env env, napi_callback_info info) {
  Call call(env, info);
  if (!call) return nullptr;
  bool is_wrong = call.argc < 2 || call.whole(0) == UINT32_MAX;
  ClientTlsTerms terms;
  TlsRefusal refusal;
  const bool fits =
      !is_wrong && read_client_terms({env, call.argv[1], &is_wrong}, &terms, &is_wrong);
  if (is_wrong) return refuse_type(env);
  if (!fits) refusal = {"bad-ticket-key", "a ticket key has 48 bytes"};
  if (fits && call.engine().set_client_tls(call.whole(0), terms, &refusal)) return nullptr;
  return refusal_value(env, refusal);
}

napi_value set_backend_tls(napi_env env, napi_callback_info info) {
  Call call(env, info);
  if (!call) return nullptr;
  bool is_wrong = call.argc < 2 || call.whole(0) == UINT32_MAX;
  if (is_wrong) return refuse_type(env);
  const BackendTlsTerms terms = read_backend_terms({env, call.argv[1], &is_wrong});
  if (is_wrong) return refuse_type(env);
  TlsRefusal refusal;
  if (call.engine().set_backend_tls(call.whole(0), terms, &refusal)) return nullptr;
  return refusal_value(env, refusal);
}

napi_value forget_tls(napi_env env, napi_callback_info info) {
  Call call(env, info);
  if (call) call.engine().forget_tls(call.whole(0));
  return nullptr;
}

napi_value add_dial_tls(napi_env env, napi_callback_info info) {
  Call call(env, info);
  if (!call) return nullptr;
  bool is_wrong = call.argc < 5;
  if (is_wrong) return call.result(-1);
  const auto argument = [&](size_t index) { return ObjectReader(env, call.argv[index], &is_wrong); };
  DialTls dial;
  dial.terms = call.whole(0);
  dial.server_name = argument(1).text();
  dial.verify_name = argument(2).text();
  const bool fits = alpn_wire(argument(3).texts(), &dial.alpn);
  dial.prefix_inside = call.flag(4);
  if (is_wrong || !fits || dial.terms == UINT32_MAX) return call.result(-1);
  return call.result(static_cast<double>(call.engine().add_dial_tls(std::move(dial))));
}

napi_value tls_facts(napi_env env, napi_callback_info info) {
  Call call(env, info);
  if (!call) return nullptr;
  const Connection* connection = call.engine().find(call.number(0));
  if (connection == nullptr || connection->side[kClient].tls == nullptr) return nullptr;
  const TlsFacts facts = facts_of(*connection->side[kClient].tls);
  napi_value list, value;
  napi_create_array(env, &list);
  uint32_t index = 0;
  const auto add_text = [&](const std::string& text) {
    napi_create_string_utf8(env, text.data(), text.size(), &value);
    napi_set_element(env, list, index++, value);
  };
  const auto add_flag = [&](bool flag) {
    napi_get_boolean(env, flag, &value);
    napi_set_element(env, list, index++, value);
  };
  for (const std::string* text : {&facts.server_name, &facts.alpn, &facts.version, &facts.cipher}) {
    add_text(*text);
  }
  add_flag(facts.is_resumed);
  if (!facts.has_certificate) return list;
  add_text(facts.common_name);
  add_flag(facts.is_verified);
  return list;
}

}  // namespace midstream
