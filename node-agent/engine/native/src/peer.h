#pragma once

#include <node_api.h>

namespace midstream {

// (id) → [address, port, localAddress, localPort], or undefined when the connection is gone.
napi_value peer(napi_env env, napi_callback_info info);

}  // namespace midstream
