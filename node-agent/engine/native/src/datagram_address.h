#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdint>
#include <cstring>

namespace midstream {

// An address and a port as they stand in a session; IPv4 in its mapped form (::ffff:a.b.c.d).
struct Endpoint {
  in6_addr address{};
  // Of a link-local address: the interface.
  uint32_t scope = 0;
  uint16_t port = 0;

  bool is_v4() const { return IN6_IS_ADDR_V4MAPPED(&address); }
};

inline bool same_address(const in6_addr& a, const in6_addr& b) {
  return memcmp(&a, &b, sizeof(a)) == 0;
}

inline bool is_unspecified(const in6_addr& address) { return IN6_IS_ADDR_UNSPECIFIED(&address); }

inline in6_addr mapped(const in_addr& v4) {
  in6_addr out{};
  out.s6_addr[10] = out.s6_addr[11] = 0xff;
  memcpy(out.s6_addr + 12, &v4, sizeof(v4));
  return out;
}

inline in_addr unmapped(const in6_addr& address) {
  in_addr v4;
  memcpy(&v4, address.s6_addr + 12, sizeof(v4));
  return v4;
}

// Out of what the kernel filled in: a `sockaddr_in` or a `sockaddr_in6`.
inline Endpoint endpoint_of(const sockaddr_in6& any) {
  Endpoint out;
  // The port stands at the same place in both families.
  out.port = ntohs(any.sin6_port);
  if (any.sin6_family == AF_INET) {
    sockaddr_in v4;
    memcpy(&v4, &any, sizeof(v4));
    out.address = mapped(v4.sin_addr);
  } else {
    out.address = any.sin6_addr;
    out.scope = any.sin6_scope_id;
  }
  return out;
}

// For a socket of this family; an IPv6 socket takes IPv4 in its mapped form. Returns the length.
inline socklen_t write_address(const Endpoint& endpoint, int family, sockaddr_in6* out) {
  if (family == AF_INET) {
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(endpoint.port);
    v4.sin_addr = unmapped(endpoint.address);
    memcpy(out, &v4, sizeof(v4));
    return sizeof(v4);
  }
  *out = {};
  out->sin6_family = AF_INET6;
  out->sin6_port = htons(endpoint.port);
  out->sin6_addr = endpoint.address;
  out->sin6_scope_id = endpoint.scope;
  return sizeof(*out);
}

}  // namespace midstream
