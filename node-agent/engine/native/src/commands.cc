// Commands out of the memory that JavaScript writes, and what it reads back. Every number is checked
// before it is an index, an id or a size.

#include <algorithm>

#include "engine.h"

namespace midstream {

namespace {

// A table index out of a number from JavaScript; `size` (never valid) when it is none.
uint32_t index_of(double number, size_t size) {
  if (!(number >= 0) || number >= static_cast<double>(size)) return static_cast<uint32_t>(size);
  return static_cast<uint32_t>(number);
}

uint64_t milliseconds_of(double number) {
  return number > 0 && number < limits::kMillisecondsMax ? static_cast<uint64_t>(number) : 0;
}

}  // namespace

void Engine::run_commands(uint32_t count) {
  const uint32_t rows = std::min(count, commands_max_);
  for (uint32_t row = 0; row < rows && !stopping_; ++row) {
    const double* command = commands_ + static_cast<size_t>(row) * kCommandFields;
    if (datagrams_.run_command(command)) continue;
    Connection* connection = slots_.find(command[1]);
    if (connection == nullptr) continue;
    if (command[0] == static_cast<double>(CommandKind::kConnect)) {
      const uint32_t target = index_of(command[2], targets_.size());
      const uint32_t terms = index_of(command[3], terms_.size());
      if (target < targets_.size() && terms < terms_.size()) connect(*connection, target, terms);
    } else if (command[0] == static_cast<double>(CommandKind::kClose)) {
      const auto reasons = static_cast<size_t>(CloseReason::kCount);
      const uint32_t reason = index_of(command[3], reasons);
      if (reason < reasons) {
        close_by_command(*connection, command[2] != 0, static_cast<CloseReason>(reason));
      }
    } else if (command[0] == static_cast<double>(CommandKind::kPeek)) {
      peek(*connection, index_of(command[2], limits::kPeekBytesMax), milliseconds_of(command[3]));
    } else if (command[0] == static_cast<double>(CommandKind::kDiscard)) {
      const uint32_t bytes = index_of(command[2], limits::kPeekBytesMax + 1);
      if (bytes <= limits::kPeekBytesMax) discard(*connection, bytes);
    } else if (command[0] == static_cast<double>(CommandKind::kSecure)) {
      secure(*connection, index_of(command[2], UINT32_MAX), milliseconds_of(command[3]));
    }
  }
}

bool Engine::set_prefix(double id, const char* data, size_t size) {
  Connection* connection = slots_.find(id);
  if (connection == nullptr || size > limits::kPrefixBytesMax) return false;
  prefixes_[connection->slot].assign(data, size);
  return true;
}

uint32_t Engine::take_moved(double* rows, uint32_t rows_max) {
  uint32_t written = 0;
  size_t read = 0;
  for (; read < moved_.size() && written < rows_max; ++read) {
    Connection* connection = slots_.find(moved_[read]);
    if (connection == nullptr) continue;
    connection->listed_as_moved = false;
    double* row = rows + static_cast<size_t>(written) * 3;
    row[0] = moved_[read];
    row[1] = static_cast<double>(connection->direction[kBackend].bytes);
    row[2] = static_cast<double>(connection->direction[kClient].bytes);
    ++written;
  }
  moved_.erase(moved_.begin(), moved_.begin() + static_cast<std::ptrdiff_t>(read));
  return written;
}

}  // namespace midstream
