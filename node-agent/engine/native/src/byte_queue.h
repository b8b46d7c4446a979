#pragma once

#include <cstddef>
#include <string>

namespace midstream {

// Bytes that wait, first in first out. An empty one holds no memory.
class ByteQueue {
 public:
  bool empty() const { return begin_ == bytes_.size(); }
  size_t size() const { return bytes_.size() - begin_; }
  const char* data() const { return bytes_.data() + begin_; }

  void append(const char* data, size_t size) {
    // What was taken is forgotten when that makes up for the copying.
    if (begin_ > bytes_.size() / 2) {
      bytes_.erase(0, begin_);
      begin_ = 0;
    }
    bytes_.append(data, size);
  }
  void consume(size_t count) {
    begin_ += count;
    if (empty()) clear();
  }
  void clear() {
    std::string().swap(bytes_);
    begin_ = 0;
  }

 private:
  std::string bytes_;
  size_t begin_ = 0;
};

}  // namespace midstream
