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
  std::unique_ptr<Pipe> take() {
    if (!idle_.empty()) {
      auto pipe = std::move(idle_.back());
      idle_.pop_back();
      ++lent_;
      return pipe;
    }
    if (lent_ >= limits::kPipesMax) return nullptr;
    int ends[2];
    if (pipe2(ends, O_NONBLOCK | O_CLOEXEC) != 0) return nullptr;
    auto pipe = std::make_unique<Pipe>();
    pipe->read_end.reset(ends[0]);
    pipe->write_end.reset(ends[1]);
    // Without the privilege for the larger size the pipe works with the smaller one.
    (void)fcntl(ends[1], F_SETPIPE_SZ, limits::kPipeBytes);
    ++lent_;
    return pipe;
  }

  void give_back(std::unique_ptr<Pipe> pipe, bool empty) {
    if (!pipe) return;
    --lent_;
    if (empty && idle_.size() < limits::kIdlePipesMax) idle_.push_back(std::move(pipe));
  }

  void clear() { idle_.clear(); }

 private:
  std::vector<std::unique_ptr<Pipe>> idle_;
  size_t lent_ = 0;
};

}  // namespace midstream
