#pragma once

#include <node_api.h>

namespace midstream {

// (id, terms) → undefined, or [code, detail] when they are refused.
napi_value set_client_tls(napi_env env, napi_callback_info info);
napi_value set_backend_tls(napi_env env, napi_callback_info info);
// (id)
napi_value forget_tls(napi_env env, napi_callback_info info);
// (terms, serverName, verifyName, alpn, prefixInside) → index, or -1.
napi_value add_dial_tls(napi_env env, napi_callback_info info);
// (connection) → what its client's handshake came to: [serverName, alpn, version, cipher, isResumed,
// commonName, isVerified], the last two only with a certificate; undefined when there was none.
napi_value tls_facts(napi_env env, napi_callback_info info);

}  // namespace midstream
