#pragma once

#include <node_api.h>

#include <cstdint>
#include <memory>

#include "engine.h"

namespace midstream {

// What one JavaScript engine object holds. All of it lives in one environment (worker).
struct Holder {
  // Null once the object is gone, which its environment's end brings about as well.
  napi_env env = nullptr;
  napi_async_context context = nullptr;
  napi_ref self = nullptr;
  napi_ref on_batch = nullptr;
  napi_ref events_memory = nullptr;
  napi_ref commands_memory = nullptr;
  napi_async_cleanup_hook_handle hook = nullptr;
  double* events = nullptr;
  uint32_t events_max = 0;
  std::shared_ptr<Engine> engine;
};

// The constructor: (events: Float64Array, commands: Float64Array, onBatch).
napi_value construct_holder(napi_env env, napi_callback_info info);

// Aborts everything; the ends are delivered before it returns.
void stop_holder(const std::shared_ptr<Holder>& stopping);

// Whether `value` is a Float64Array, and where its numbers are.
bool memory_of(napi_env env, napi_value value, double** data, uint32_t* length);

}  // namespace midstream
