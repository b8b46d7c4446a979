#pragma once

#include <node_api.h>

#include <cstdint>
#include <string>
#include <vector>

#include "limits.h"

namespace midstream {

// Reads a JavaScript value by the shape that is expected of it. What is not of that shape, or too
// long, leaves a mark: whoever has read everything looks once whether all of it was right.
class ObjectReader {
 public:
  ObjectReader(napi_env env, napi_value value, bool* is_wrong)
      : env_(env), value_(value), is_wrong_(is_wrong) {}

  ObjectReader at(const char* name) const {
    napi_value value = nullptr;
    if (value_ == nullptr || napi_get_named_property(env_, value_, name, &value) != napi_ok) {
      return wrong();
    }
    return {env_, value, is_wrong_};
  }

  bool is_undefined() const {
    napi_valuetype type = napi_undefined;
    return value_ == nullptr || napi_typeof(env_, value_, &type) != napi_ok || type == napi_undefined;
  }

  std::string text() const {
    size_t size = 0;
    const bool is_text = value_ != nullptr && napi_get_value_string_utf8(env_, value_, nullptr, 0,
                                                                         &size) == napi_ok;
    if (!is_text || size > limits::kTlsTextMax) {
      wrong();
      return {};
    }
    std::string text(size, '\0');
    // With the end that it writes as well.
    napi_get_value_string_utf8(env_, value_, text.data(), size + 1, &size);
    if (text.find('\0') != std::string::npos) wrong();
    return text;
  }

  bool flag() const {
    bool value = false;
    if (value_ == nullptr || napi_get_value_bool(env_, value_, &value) != napi_ok) wrong();
    return value;
  }

  // Exactly so many bytes of a Uint8Array.
  bool bytes(unsigned char* out, size_t size) const {
    bool is_typed = false;
    if (value_ == nullptr || napi_is_typedarray(env_, value_, &is_typed) != napi_ok || !is_typed) {
      wrong();
      return false;
    }
    napi_typedarray_type type;
    size_t length = 0;
    void* data = nullptr;
    napi_get_typedarray_info(env_, value_, &type, &length, &data, nullptr, nullptr);
    if (type != napi_uint8_array || length != size) return false;
    const auto* from = static_cast<const unsigned char*>(data);
    for (size_t index = 0; index < size; ++index) out[index] = from[index];
    return true;
  }

  std::vector<ObjectReader> items() const {
    uint32_t count = 0;
    std::vector<ObjectReader> items;
    if (value_ == nullptr || napi_get_array_length(env_, value_, &count) != napi_ok ||
        count > limits::kTlsListMax) {
      wrong();
      return items;
    }
    for (uint32_t index = 0; index < count; ++index) {
      napi_value item = nullptr;
      napi_get_element(env_, value_, index, &item);
      items.push_back({env_, item, is_wrong_});
    }
    return items;
  }

  std::vector<std::string> texts() const {
    std::vector<std::string> texts;
    for (const ObjectReader& item : items()) texts.push_back(item.text());
    return texts;
  }

 private:
  ObjectReader wrong() const {
    *is_wrong_ = true;
    return {env_, nullptr, is_wrong_};
  }

  napi_env env_;
  napi_value value_;
  bool* is_wrong_;
};

}  // namespace midstream
