#pragma once

#include <cstdint>

namespace midstream {

// What an epoll event is about, packed into its 64 bits: 2 of kind, 30 of slot, 32 of generation.
struct Tag {
  enum Kind : uint32_t { kClient = 0, kBackend = 1, kListener = 2, kUv = 3 };

  uint32_t kind;
  uint32_t slot;
  uint32_t generation;

  uint64_t pack() const {
    return (static_cast<uint64_t>(generation) << 32) | (static_cast<uint64_t>(slot) << 2) | kind;
  }
  static Tag unpack(uint64_t bits) {
    return {static_cast<uint32_t>(bits & 3), static_cast<uint32_t>((bits >> 2) & 0x3fffffff),
            static_cast<uint32_t>(bits >> 32)};
  }
};

}  // namespace midstream
