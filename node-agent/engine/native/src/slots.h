#pragma once

#include <cmath>
#include <memory>
#include <vector>

#include "connection.h"
#include "limits.h"

namespace midstream {

// Entries (connections, sessions) by slot. An id is generation × 2^20 + slot: a late command cannot
// reach the next user of a slot, because its generation is another.
template <typename Entry>
class SlotTable {
 public:
  Entry* allocate() {
    if (free_.empty() && !grow()) return nullptr;
    Entry& entry = at(free_.back());
    free_.pop_back();
    ++used_;
    return &entry;
  }

  // Puts the slot into its first state again, with the next generation.
  void release(Entry& entry) {
    const uint32_t slot = entry.slot;
    const uint32_t generation = entry.generation + 1;
    entry = Entry{};
    entry.slot = slot;
    entry.generation = generation;
    free_.push_back(slot);
    --used_;
  }

  // Null when the id is not that of a living entry.
  Entry* find(double id) {
    if (!(id >= 0) || id > 9007199254740991.0) return nullptr;
    const auto number = static_cast<uint64_t>(id);
    if ((number >> limits::kSlotBits) > UINT32_MAX) return nullptr;
    const auto slot = static_cast<uint32_t>(number & ((1u << limits::kSlotBits) - 1));
    return find(slot, static_cast<uint32_t>(number >> limits::kSlotBits));
  }

  Entry* find(uint32_t slot, uint32_t generation) {
    if (slot >= size_) return nullptr;
    Entry& entry = at(slot);
    if (entry.is_free() || entry.generation != generation) return nullptr;
    return &entry;
  }

  static double id_of(const Entry& entry) {
    return static_cast<double>((static_cast<uint64_t>(entry.generation) << limits::kSlotBits) |
                               entry.slot);
  }

  // Unchecked: for slots that this table handed out itself.
  Entry& at(uint32_t slot) { return chunks_[slot / kChunk][slot % kChunk]; }
  uint32_t size() const { return size_; }
  uint32_t used() const { return used_; }

 private:
  static constexpr uint32_t kChunk = 256;

  bool grow() {
    if (size_ + kChunk > limits::kSlotsMax) return false;
    chunks_.push_back(std::make_unique<Entry[]>(kChunk));
    for (uint32_t index = kChunk; index-- > 0;) {
      chunks_.back()[index].slot = size_ + index;
      free_.push_back(size_ + index);
    }
    size_ += kChunk;
    return true;
  }

  std::vector<std::unique_ptr<Entry[]>> chunks_;
  std::vector<uint32_t> free_;
  uint32_t size_ = 0;
  uint32_t used_ = 0;
};

using Slots = SlotTable<Connection>;

}  // namespace midstream
