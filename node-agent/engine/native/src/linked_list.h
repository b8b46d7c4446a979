#pragma once

#include <cstdint>

#include "slots.h"

namespace midstream {

// A list through entries of a slot table, oldest first. An entry is in one list at most; whose it
// is, its owner knows. Entries have `list_previous` and `list_next`.
class LinkedList {
 public:
  bool empty() const { return first_ == UINT32_MAX; }
  // The slot of the oldest; UINT32_MAX when there is none.
  uint32_t first() const { return first_; }

  template <typename Entry>
  void append(SlotTable<Entry>& slots, Entry& entry) {
    entry.list_previous = last_;
    entry.list_next = UINT32_MAX;
    if (last_ != UINT32_MAX) {
      slots.at(last_).list_next = entry.slot;
    } else {
      first_ = entry.slot;
    }
    last_ = entry.slot;
  }

  template <typename Entry>
  void remove(SlotTable<Entry>& slots, Entry& entry) {
    if (entry.list_previous != UINT32_MAX) {
      slots.at(entry.list_previous).list_next = entry.list_next;
    } else {
      first_ = entry.list_next;
    }
    if (entry.list_next != UINT32_MAX) {
      slots.at(entry.list_next).list_previous = entry.list_previous;
    } else {
      last_ = entry.list_previous;
    }
    entry.list_previous = entry.list_next = UINT32_MAX;
  }

 private:
  uint32_t first_ = UINT32_MAX;
  uint32_t last_ = UINT32_MAX;
};

}  // namespace midstream
