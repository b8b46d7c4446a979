#pragma once

#include <cstdint>
#include <cstring>
#include <unordered_map>

#include "datagram_address.h"
#include "linked_list.h"
#include "sip_hash.h"
#include "slots.h"
#include "unique_fd.h"

namespace midstream {

// What a socket for single datagrams is for: indices of the engine's tables, and the client whose
// address the backend is to see, if it is to.
struct OutletKey {
  Endpoint client;
  uint32_t port = 0;
  uint32_t target = 0;
  uint32_t terms = 0;

  bool operator==(const OutletKey& other) const {
    return port == other.port && target == other.target && terms == other.terms &&
           client.port == other.client.port && client.scope == other.client.scope &&
           same_address(client.address, other.client.address);
  }
};

// A connected socket that single datagrams are sent from; nothing is read from it.
struct Outlet {
  OutletKey key;
  UniqueFd fd;
  uint64_t used_ms = 0;
  uint32_t slot = 0;
  uint32_t generation = 0;
  uint32_t list_previous = UINT32_MAX;
  uint32_t list_next = UINT32_MAX;
  // Refusals that were not told yet.
  uint32_t refused = 0;
  bool in_use = false;

  bool is_free() const { return !in_use; }
};

// The outlets, by what they are for; the one that was not used for longest is known.
class Outlets {
 public:
  uint32_t used() const { return slots_.used(); }

  Outlet* find(const OutletKey& key) {
    const auto found = by_key_.find(key);
    return found == by_key_.end() ? nullptr : &slots_.at(found->second);
  }
  Outlet* find(uint32_t slot, uint32_t generation) { return slots_.find(slot, generation); }

  // Null when there is no room.
  Outlet* add(const OutletKey& key, UniqueFd fd) {
    Outlet* outlet = slots_.allocate();
    if (outlet == nullptr) return nullptr;
    outlet->in_use = true;
    outlet->key = key;
    outlet->fd = std::move(fd);
    by_key_.emplace(key, outlet->slot);
    by_use_.append(slots_, *outlet);
    return outlet;
  }

  void note_use(Outlet& outlet, uint64_t clock_ms) {
    if (outlet.used_ms == clock_ms) return;
    outlet.used_ms = clock_ms;
    by_use_.remove(slots_, outlet);
    by_use_.append(slots_, outlet);
  }

  // Null when there is none.
  Outlet* oldest() { return by_use_.empty() ? nullptr : &slots_.at(by_use_.first()); }

  void remove(Outlet& outlet) {
    by_key_.erase(outlet.key);
    by_use_.remove(slots_, outlet);
    slots_.release(outlet);
  }

  template <typename Act>
  void for_each(Act act) {
    for (uint32_t slot = 0; slot < slots_.size(); ++slot) {
      if (!slots_.at(slot).is_free()) act(slots_.at(slot));
    }
  }

 private:
  // Keyed, as clients choose what stands in a key.
  struct Hash {
    SipHash hash;
    size_t operator()(const OutletKey& key) const {
      uint64_t words[5];
      memcpy(words, &key.client.address, 16);
      words[2] = (static_cast<uint64_t>(key.client.scope) << 16) | key.client.port;
      words[3] = (static_cast<uint64_t>(key.target) << 32) | key.port;
      words[4] = key.terms;
      return hash(words);
    }
  };

  SlotTable<Outlet> slots_;
  std::unordered_map<OutletKey, uint32_t, Hash> by_key_;
  LinkedList by_use_;
};

}  // namespace midstream
