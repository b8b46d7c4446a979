#pragma once

#include <sys/socket.h>

#include <cerrno>

#include "control_message.h"
#include "datagram_buffers.h"
#include "limits.h"
#include "session.h"

namespace midstream {

// Replies of many sessions that leave together. They lie in buffers in the order they came; those
// of one session that have one size can leave as one.
class ReplyBatch {
 public:
  struct Entry {
    ReplyTo to;
    uint32_t port;
    // Several datagrams of this session may leave in one.
    bool gso;
  };
  // Entries that leave as one message.
  struct Message {
    size_t first;
    size_t count;
  };

  ReplyBatch() : buffers_(kMax) {}

  bool empty() const { return entries_count_ == 0; }
  size_t size() const { return entries_count_; }
  bool has_room() const {
    return buffers_used_ + static_cast<size_t>(limits::kRepliesPerReceive) <= kMax;
  }
  const Entry& entry(size_t index) const { return entries_[index]; }
  const char* data(size_t index) const { return static_cast<const char*>(parts_[index].iov_base); }
  uint32_t bytes(size_t index) const { return static_cast<uint32_t>(parts_[index].iov_len); }

  // How many came, or minus an errno. Needs `has_room`; what was received before stays.
  int receive(int fd) {
    for (int index = 0; index < limits::kRepliesPerReceive; ++index) {
      incoming_parts_[index] = {buffers_.at(buffers_used_ + static_cast<size_t>(index)),
                                limits::kDatagramBytes};
      incoming_[index].msg_hdr = {};
      incoming_[index].msg_hdr.msg_iov = &incoming_parts_[index];
      incoming_[index].msg_hdr.msg_iovlen = 1;
    }
    const int count =
        recvmmsg(fd, incoming_, limits::kRepliesPerReceive, MSG_DONTWAIT, nullptr);
    if (count < 0) return -errno;
    buffers_used_ += static_cast<size_t>(count);
    return count;
  }
  // Whether that left the socket empty.
  static bool is_short(int count) { return count < limits::kRepliesPerReceive; }
  bool is_cut(int index) const { return (incoming_[index].msg_hdr.msg_flags & MSG_TRUNC) != 0; }

  // Takes one of those that came last.
  void add(int index, const Entry& entry) {
    entries_[entries_count_] = entry;
    parts_[entries_count_] = {incoming_parts_[index].iov_base, incoming_[index].msg_len};
    ++entries_count_;
  }

  void clear() { entries_count_ = buffers_used_ = 0; }

  // Where the run of entries at one port ends that begins here.
  size_t run_end(size_t begin) const {
    size_t end = begin + 1;
    while (end < entries_count_ && entries_[end].port == entries_[begin].port) ++end;
    return end;
  }

  // Makes messages of the entries from `begin` to `end`; returns how many.
  size_t compose(size_t begin, size_t end, const Port& port) {
    size_t count = 0;
    for (size_t next = begin; next < end; ++count) {
      const size_t after = group_end(next, end);
      compose_one(count, {next, after - next}, port);
      next = after;
    }
    return count;
  }
  mmsghdr* messages() { return outgoing_; }
  const Message& message(size_t index) const { return messages_[index]; }
  uint32_t bytes_of(const Message& message) const {
    uint32_t sum = 0;
    for (size_t index = 0; index < message.count; ++index) sum += bytes(message.first + index);
    return sum;
  }

 private:
  static constexpr size_t kMax = limits::kRepliesPerSend;

  // Where the group ends that begins here: one session, one size, the last one less perhaps.
  size_t group_end(size_t begin, size_t end) const {
    const uint32_t segment = bytes(begin);
    uint32_t sum = segment;
    size_t next = begin + 1;
    if (!entries_[begin].gso || segment == 0) return next;
    while (next < end && entries_[next].to.session == entries_[begin].to.session) {
      const uint32_t size = bytes(next);
      if (size == 0 || size > segment || sum + size > limits::kSegmentedBytesMax) break;
      sum += size;
      ++next;
      if (size < segment) break;
    }
    return next;
  }

  void compose_one(size_t index, Message message, const Port& port) {
    const ReplyTo& to = entries_[message.first].to;
    messages_[index] = message;
    msghdr& header = outgoing_[index].msg_hdr;
    header = {};
    header.msg_name = &names_[index];
    header.msg_namelen = write_address(to.client, port.family, &names_[index]);
    header.msg_iov = &parts_[message.first];
    header.msg_iovlen = message.count;
    ControlMessages& control = controls_[index];
    control.clear();
    if (!is_unspecified(to.local)) control.add_source(to.local, to.client.scope, port.family);
    if (message.count > 1) control.add_segment(static_cast<uint16_t>(bytes(message.first)));
    control.give_to(header);
  }

  DatagramBuffers buffers_;
  size_t buffers_used_ = 0;
  size_t entries_count_ = 0;
  Entry entries_[kMax];
  iovec parts_[kMax];
  Message messages_[kMax];
  mmsghdr outgoing_[kMax];
  sockaddr_in6 names_[kMax];
  ControlMessages controls_[kMax];
  mmsghdr incoming_[limits::kRepliesPerReceive];
  iovec incoming_parts_[limits::kRepliesPerReceive];
};

}  // namespace midstream
