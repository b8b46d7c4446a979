#pragma once

#include <sys/random.h>

#include <cstddef>
#include <cstdint>

namespace midstream {

// SipHash-1-3 (Aumasson and Bernstein, 2012) over whole words, with a key that nobody else knows:
// clients choose their addresses, and must not be able to choose one bucket for all of them.
class SipHash {
 public:
  SipHash() {
    // Without the kernel's randomness the addresses of this process have to do.
    if (getrandom(key_, sizeof(key_), GRND_NONBLOCK) != static_cast<ssize_t>(sizeof(key_))) {
      key_[0] = reinterpret_cast<uintptr_t>(this);
      key_[1] = reinterpret_cast<uintptr_t>(&key_);
    }
  }

  template <size_t kWords>
  uint64_t operator()(const uint64_t (&words)[kWords]) const {
    State state{key_[0] ^ 0x736f6d6570736575u, key_[1] ^ 0x646f72616e646f6du,
                key_[0] ^ 0x6c7967656e657261u, key_[1] ^ 0x7465646279746573u};
    for (const uint64_t word : words) state.take(word);
    state.take(static_cast<uint64_t>(kWords * sizeof(uint64_t)) << 56);
    state.c ^= 0xff;
    for (int round = 0; round < 3; ++round) state.mix();
    return state.a ^ state.b ^ state.c ^ state.d;
  }

 private:
  struct State {
    uint64_t a, b, c, d;

    static uint64_t turn(uint64_t value, int by) { return (value << by) | (value >> (64 - by)); }
    void mix() {
      a += b;
      b = turn(b, 13) ^ a;
      a = turn(a, 32);
      c += d;
      d = turn(d, 16) ^ c;
      a += d;
      d = turn(d, 21) ^ a;
      c += b;
      b = turn(b, 17) ^ c;
      c = turn(c, 32);
    }
    void take(uint64_t word) {
      d ^= word;
      mix();
      a ^= word;
    }
  };

  uint64_t key_[2];
};

}  // namespace midstream
