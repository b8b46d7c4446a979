#pragma once

#include <cstdint>
#include <vector>

#include "connection.h"
#include "limits.h"
#include "slots.h"

namespace midstream {

// A hashed timing wheel (Varghese and Lauck, 1987) of milliseconds over the connections' deadlines. Deadlines move
// lazily: a connection that was active is simply scheduled again when its old turn comes.
class TimerWheel {
 public:
  explicit TimerWheel(Slots& slots) : slots_(slots), heads_(kBuckets, UINT32_MAX) {}

  void schedule(Connection& connection, uint64_t deadline_ms) {
    cancel(connection);
    connection.deadline_ms = deadline_ms;
    const uint64_t turn_ms = deadline_ms > now_ms_ ? deadline_ms : now_ms_ + 1;
    const auto bucket = static_cast<uint32_t>(turn_ms % kBuckets);
    connection.timer_bucket = bucket;
    connection.timer_previous = UINT32_MAX;
    connection.timer_next = heads_[bucket];
    if (connection.timer_next != UINT32_MAX) {
      slots_.at(connection.timer_next).timer_previous = connection.slot;
    }
    heads_[bucket] = connection.slot;
    ++count_;
  }

  void cancel(Connection& connection) {
    if (connection.timer_bucket == UINT32_MAX) return;
    if (connection.timer_previous != UINT32_MAX) {
      slots_.at(connection.timer_previous).timer_next = connection.timer_next;
    } else {
      heads_[connection.timer_bucket] = connection.timer_next;
    }
    if (connection.timer_next != UINT32_MAX) {
      slots_.at(connection.timer_next).timer_previous = connection.timer_previous;
    }
    connection.timer_next = connection.timer_previous = connection.timer_bucket = UINT32_MAX;
    --count_;
  }

  // Calls `expire` for each connection whose deadline has passed, taken off the wheel before.
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
      Connection& connection = slots_.at(slot);
      if (connection.timer_bucket != bucket || connection.deadline_ms > now_ms) continue;
      cancel(connection);
      expire(connection);
    }
  }

  Slots& slots_;
  std::vector<uint32_t> heads_;
  std::vector<uint32_t> due_;
  uint64_t now_ms_ = 0;
  size_t count_ = 0;
};

}  // namespace midstream
