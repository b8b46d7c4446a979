#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <memory>
#include <vector>

#include "limits.h"
#include "unique_fd.h"

namespace midstream {

// A kernel pipe that holds what is on its way between two sockets.
struct Pipe {
  UniqueFd read_end;
  UniqueFd write_end;
};

// Lends pipes. Only empty ones may come back: what is left in a pipe belongs to one connection.
class PipePool {
 public:
  // Null when the limit is reached or the system has no descriptors left: the caller copies then.
  std::unique_ptr<Pipe> take(uint64_t now_ms) {
    if (!idle_.empty()) {
      auto pipe = std::move(idle_.back());
      idle_.pop_back();
      ++lent_;
      return pipe;
    }
    if (lent_ >= limits::kPipesMax || now_ms < retry_ms_) return nullptr;
    auto pipe = make();
    // A user may have so many pages in pipes, and gets tiny pipes beyond.
    if (!pipe) retry_ms_ = now_ms + limits::kPipeRetryMs;
    if (pipe) ++lent_;
    return pipe;
  }

  void give_back(std::unique_ptr<Pipe> pipe, bool empty) {
    if (!pipe) return;
    --lent_;
    if (empty && idle_.size() < limits::kIdlePipesMax) idle_.push_back(std::move(pipe));
  }

  void clear() { idle_.clear(); }

 private:
  static std::unique_ptr<Pipe> make() {
    int ends[2];
    if (pipe2(ends, O_NONBLOCK | O_CLOEXEC) != 0) return nullptr;
    auto pipe = std::make_unique<Pipe>();
    pipe->read_end.reset(ends[0]);
    pipe->write_end.reset(ends[1]);
    if (fcntl(ends[1], F_SETPIPE_SZ, limits::kPipeBytes) >= limits::kPipeBytesMin) return pipe;
    if (fcntl(ends[1], F_GETPIPE_SZ) >= limits::kPipeBytesMin) return pipe;
    return nullptr;
  }

  std::vector<std::unique_ptr<Pipe>> idle_;
  size_t lent_ = 0;
  uint64_t retry_ms_ = 0;
};

}  // namespace midstream
