#pragma once

#include <sys/socket.h>

#include <cerrno>

#include "control_message.h"
#include "datagram_address.h"
#include "datagram_buffers.h"
#include "limits.h"

namespace midstream {

// What one look at a listening socket brings: up to `kDatagramsPerReceive` buffers, each with one
// datagram, or several of one client that the kernel put together (GRO).
class ReceiveBatch {
 public:
  ReceiveBatch() : buffers_(kMax) {
    for (int index = 0; index < kMax; ++index) {
      parts_[index] = {buffers_.at(static_cast<size_t>(index)), limits::kDatagramBytes};
      msghdr& header = messages_[index].msg_hdr;
      header = {};
      header.msg_name = &names_[index];
      header.msg_iov = &parts_[index];
      header.msg_iovlen = 1;
    }
  }

  // How many came; below 0 minus an errno.
  int receive(int fd) {
    // Only those that the last call wrote to have to be made ready again.
    for (int index = 0; index < used_; ++index) {
      messages_[index].msg_hdr.msg_namelen = sizeof(sockaddr_in6);
      controls_[index].take_from(messages_[index].msg_hdr);
    }
    const int count = recvmmsg(fd, messages_, kMax, MSG_DONTWAIT, nullptr);
    used_ = count > 0 ? count : 1;
    return count < 0 ? -errno : count;
  }

  // Whether it left the socket empty.
  static bool is_short(int count) { return count < kMax; }

  char* data(int index) { return buffers_.at(static_cast<size_t>(index)); }
  uint32_t bytes(int index) const { return messages_[index].msg_len; }
  bool is_cut(int index) const { return (messages_[index].msg_hdr.msg_flags & MSG_TRUNC) != 0; }
  const sockaddr_in6& from(int index) const { return names_[index]; }
  // The segments' size, 0 for one datagram, and where it came to, if the kernel says so.
  void read_control(int index, uint16_t* segment, in6_addr* local) {
    msghdr& header = messages_[index].msg_hdr;
    if (header.msg_controllen > 0) ControlMessages::read(header, segment, local);
  }

 private:
  static constexpr int kMax = limits::kDatagramsPerReceive;

  DatagramBuffers buffers_;
  mmsghdr messages_[kMax];
  iovec parts_[kMax];
  sockaddr_in6 names_[kMax];
  ControlMessages controls_[kMax];
  // At first all of them.
  int used_ = kMax;
};

}  // namespace midstream
