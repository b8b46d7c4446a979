#pragma once

#include <memory>
#include <string>

#include "holder.h"

namespace midstream {

// Longest text that JavaScript passes: a path of a Unix socket, or an address.
inline constexpr size_t kTextMax = 512;

// The arguments of a method call, and the running engine it is for.
struct Call {
  napi_env env;
  std::shared_ptr<Holder> holder;
  size_t argc = 8;
  napi_value argv[8];

  Call(napi_env env_, napi_callback_info info) : env(env_) {
    napi_value self;
    void* data = nullptr;
    napi_get_cb_info(env, info, &argc, argv, &self, nullptr);
    if (napi_unwrap(env, self, &data) == napi_ok) {
      holder = *static_cast<std::shared_ptr<Holder>*>(data);
    }
    if (holder != nullptr && holder->engine->stopping()) holder = nullptr;
    if (holder == nullptr) napi_throw_error(env, "ENGINE_STOPPED", "the engine has stopped");
  }

  explicit operator bool() const { return holder != nullptr; }
  Engine& engine() { return *holder->engine; }

  double number(size_t index, double otherwise = -1) {
    double value = otherwise;
    if (index < argc) (void)napi_get_value_double(env, argv[index], &value);
    return value;
  }
  uint32_t whole(size_t index) {
    const double value = number(index);
    return value >= 0 && value <= 0x3fffffff ? static_cast<uint32_t>(value) : UINT32_MAX;
  }
  bool flag(size_t index) {
    bool value = false;
    if (index < argc) (void)napi_get_value_bool(env, argv[index], &value);
    return value;
  }
  std::string text(size_t index) {
    char buffer[kTextMax];
    size_t length = 0;
    if (index >= argc || napi_get_value_string_utf8(env, argv[index], buffer, sizeof(buffer),
                                                    &length) != napi_ok) {
      return {};
    }
    return std::string(buffer, length);
  }
  // Whether the argument is a Uint8Array, and where its bytes are.
  bool bytes(size_t index, char** data, size_t* size) {
    bool is_typed = false;
    if (index >= argc || napi_is_typedarray(env, argv[index], &is_typed) != napi_ok) return false;
    if (!is_typed) return false;
    napi_typedarray_type type;
    void* memory = nullptr;
    napi_get_typedarray_info(env, argv[index], &type, size, &memory, nullptr, nullptr);
    *data = static_cast<char*>(memory);
    return type == napi_uint8_array && memory != nullptr;
  }
  napi_value result(double value) {
    napi_value out;
    napi_create_double(env, value, &out);
    return out;
  }
};

}  // namespace midstream
