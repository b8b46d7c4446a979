#pragma once

#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/socket.h>

#include <cstdint>
#include <cstring>

#include "datagram_address.h"

// Of newer kernels than the headers that some hosts have.
#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#ifndef UDP_GRO
#define UDP_GRO 104
#endif

namespace midstream {

// What goes with a datagram: the local address it came to or leaves from, and the size of the
// segments when it is several in one (GRO, GSO).
class ControlMessages {
 public:
  // Puts a message at the end of the others.
  void add_segment(uint16_t bytes) { add(SOL_UDP, UDP_SEGMENT, bytes); }

  void add_source(const in6_addr& local, uint32_t scope, int family) {
    if (family == AF_INET) {
      in_pktinfo info{};
      info.ipi_spec_dst = unmapped(local);
      add(IPPROTO_IP, IP_PKTINFO, info);
    } else {
      in6_pktinfo info{};
      info.ipi6_addr = local;
      // An address of a link means nothing without its link.
      info.ipi6_ifindex = IN6_IS_ADDR_LINKLOCAL(&local) ? scope : 0;
      add(IPPROTO_IPV6, IPV6_PKTINFO, info);
    }
  }

  void clear() { size_ = 0; }
  void give_to(msghdr& header) {
    header.msg_control = size_ == 0 ? nullptr : bytes_;
    header.msg_controllen = size_;
  }

  // Makes room for the kernel to write to.
  void take_from(msghdr& header) {
    header.msg_control = bytes_;
    header.msg_controllen = sizeof(bytes_);
  }

  // What the kernel wrote: the segments' size, 0 when it is one datagram, and where it came to.
  static void read(msghdr& header, uint16_t* segment, in6_addr* local) {
    for (cmsghdr* at = CMSG_FIRSTHDR(&header); at != nullptr; at = CMSG_NXTHDR(&header, at)) {
      if (at->cmsg_level == SOL_UDP && at->cmsg_type == UDP_GRO) {
        int bytes = 0;
        memcpy(&bytes, CMSG_DATA(at), sizeof(bytes));
        *segment = static_cast<uint16_t>(bytes);
      } else if (at->cmsg_level == IPPROTO_IP && at->cmsg_type == IP_PKTINFO) {
        in_pktinfo info;
        memcpy(&info, CMSG_DATA(at), sizeof(info));
        // Of a broadcast this is the interface's own address, which a reply can come from.
        *local = mapped(info.ipi_spec_dst);
      } else if (at->cmsg_level == IPPROTO_IPV6 && at->cmsg_type == IPV6_PKTINFO) {
        in6_pktinfo info;
        memcpy(&info, CMSG_DATA(at), sizeof(info));
        if (can_be_source(info.ipi6_addr)) *local = info.ipi6_addr;
      }
    }
  }

 private:
  static constexpr size_t kBytes = 128;

  static bool can_be_source(const in6_addr& address) {
    if (IN6_IS_ADDR_MULTICAST(&address)) return false;
    return !IN6_IS_ADDR_V4MAPPED(&address) || unmapped(address).s_addr != INADDR_BROADCAST;
  }

  template <typename Value>
  void add(int level, int type, const Value& value) {
    auto* message = reinterpret_cast<cmsghdr*>(bytes_ + size_);
    message->cmsg_level = level;
    message->cmsg_type = type;
    message->cmsg_len = CMSG_LEN(sizeof(value));
    memcpy(CMSG_DATA(message), &value, sizeof(value));
    size_ += CMSG_SPACE(sizeof(value));
    static_assert(2 * CMSG_SPACE(sizeof(in6_pktinfo)) <= kBytes);
  }

  alignas(cmsghdr) char bytes_[kBytes];
  size_t size_ = 0;
};

}  // namespace midstream
