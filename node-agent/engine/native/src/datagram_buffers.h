#pragma once

#include <cstddef>
#include <memory>

#include "limits.h"

namespace midstream {

// Room for a number of datagrams of any size. What nobody writes to is no memory yet.
class DatagramBuffers {
 public:
  explicit DatagramBuffers(size_t count) : memory_(new char[count * kStride]) {}

  char* at(size_t index) { return memory_.get() + index * kStride; }

 private:
  // Not a power of two: the beginnings, which is all that small datagrams use, would share cache lines.
  static constexpr size_t kStride = limits::kDatagramBytes + 5 * 64;

  std::unique_ptr<char[]> memory_;
};

}  // namespace midstream
