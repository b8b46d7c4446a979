#pragma once

#include <sched.h>
#include <uv.h>

#include <cstddef>
#include <cstdint>

#include "limits.h"

namespace midstream {

// Lets whoever was woken for many bytes go first where it waits for this very processor: what it reads
// is in that processor's cache, and this thread may be moved to one that is idle. Where somebody
// computes there, a yield costs a whole slice of time: then there is none for a while.
class Yielding {
 public:
  void after(size_t bytes) {
    if (bytes < limits::kYieldBytes) return;
    const uint64_t begin_ns = uv_hrtime();
    if (begin_ns < not_before_ns_) return;
    sched_yield();
    const uint64_t end_ns = uv_hrtime();
    if (end_ns - begin_ns > limits::kYieldNs) not_before_ns_ = end_ns + limits::kYieldPauseNs;
  }

 private:
  uint64_t not_before_ns_ = 0;
};

}  // namespace midstream
