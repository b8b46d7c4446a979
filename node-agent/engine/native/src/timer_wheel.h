#pragma once

#include <cstdint>
#include <vector>

#include "connection.h"
#include "slots.h"

namespace midstream {

// A hashed timing wheel (Varghese and Lauck, 1987) of milliseconds over the entries' deadlines.
// Deadlines move lazily: an entry that was active is simply scheduled again when its old turn comes.
template <typename Entry>
class DeadlineWheel {
 public:
  explicit DeadlineWheel(SlotTable<Entry>& slots) : slots_(slots), heads_(kBuckets, UINT32_MAX) {}

  void schedule(Entry& entry, uint64_t deadline_ms) {
    cancel(entry);
    entry.deadline_ms = deadline_ms;
    const uint64_t turn_ms = deadline_ms > now_ms_ ? deadline_ms : now_ms_ + 1;
    const auto bucket = static_cast<uint32_t>(turn_ms % kBuckets);
    entry.timer_bucket = bucket;
    entry.timer_previous = UINT32_MAX;
    entry.timer_next = heads_[bucket];
    if (entry.timer_next != UINT32_MAX) {
      slots_.at(entry.timer_next).timer_previous = entry.slot;
    }
    heads_[bucket] = entry.slot;
    ++count_;
  }

  void cancel(Entry& entry) {
    if (entry.timer_bucket == UINT32_MAX) return;
    if (entry.timer_previous != UINT32_MAX) {
      slots_.at(entry.timer_previous).timer_next = entry.timer_next;
    } else {
      heads_[entry.timer_bucket] = entry.timer_next;
    }
    if (entry.timer_next != UINT32_MAX) {
      slots_.at(entry.timer_next).timer_previous = entry.timer_previous;
    }
    entry.timer_next = entry.timer_previous = entry.timer_bucket = UINT32_MAX;
    --count_;
  }

  // Calls `expire` for each entry whose deadline has passed, taken off the wheel before.
  template <typename Expire>
  void advance(uint64_t now_ms, Expire expire) {
    // More than one round behind: every bucket once is enough. An empty wheel has nothing to visit.
    if (count_ == 0) now_ms_ = now_ms;
    if (now_ms > now_ms_ + kBuckets) now_ms_ = now_ms - kBuckets;
    while (now_ms_ < now_ms) {
      ++now_ms_;
      expire_bucket(static_cast<uint32_t>(now_ms_ % kBuckets), now_ms, expire);
    }
  }

 private:
  static constexpr uint32_t kBuckets = 8192;

  template <typename Expire>
  void expire_bucket(uint32_t bucket, uint64_t now_ms, Expire expire) {
    due_.clear();
    for (uint32_t slot = heads_[bucket]; slot != UINT32_MAX; slot = slots_.at(slot).timer_next) {
      if (slots_.at(slot).deadline_ms <= now_ms) due_.push_back(slot);
    }
    for (const uint32_t slot : due_) {
      Entry& entry = slots_.at(slot);
      if (entry.timer_bucket != bucket || entry.deadline_ms > now_ms) continue;
      cancel(entry);
      expire(entry);
    }
  }

  SlotTable<Entry>& slots_;
  std::vector<uint32_t> heads_;
  std::vector<uint32_t> due_;
  uint64_t now_ms_ = 0;
  size_t count_ = 0;
};

using TimerWheel = DeadlineWheel<Connection>;

}  // namespace midstream
