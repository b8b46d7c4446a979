#pragma once

#include <cstdint>

namespace midstream {

// What an epoll event is about, packed into its 64 bits: 3 of kind, 29 of slot, 32 of generation. A
// TCP listener's number, which is not ours to bound to a slot's bits, stands in `generation`.
struct Tag {
  enum Kind : uint32_t {
    kClient = 0,
    kBackend = 1,
    kListener = 2,
    kUv = 3,
    kPort = 4,
    kSession = 5,
    kOutlet = 6,
  };

  uint32_t kind;
  uint32_t slot;
  uint32_t generation;

  uint64_t pack() const {
    return (static_cast<uint64_t>(generation) << 32) | (static_cast<uint64_t>(slot) << 3) | kind;
  }
  static Tag unpack(uint64_t bits) {
    return {static_cast<uint32_t>(bits & 7), static_cast<uint32_t>((bits >> 3) & 0x1fffffff),
            static_cast<uint32_t>(bits >> 32)};
  }
};

}  // namespace midstream
