#pragma once

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <string>

namespace midstream {

// An address to bind or to connect to.
struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t length = 0;

  bool is_wildcard_v6() const {
    const auto* v6 = reinterpret_cast<const sockaddr_in6*>(&storage);
    return storage.ss_family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&v6->sin6_addr);
  }

  int family() const { return storage.ss_family; }
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }

  // Whether `host` is an IPv4 or IPv6 address in its usual text form, and the port a port.
  bool set_tcp(const char* host, int port) {
    if (port < 0 || port > 65535) return false;
    auto* v4 = reinterpret_cast<sockaddr_in*>(&storage);
    auto* v6 = reinterpret_cast<sockaddr_in6*>(&storage);
    // An IPv6 address may name its zone: fe80::1%eth0.
    const std::string text(host);
    const size_t zone = text.find('%');
    if (inet_pton(AF_INET, host, &v4->sin_addr) == 1) {
      v4->sin_family = AF_INET;
      v4->sin_port = htons(static_cast<uint16_t>(port));
      length = sizeof(sockaddr_in);
    } else if (inet_pton(AF_INET6, text.substr(0, zone).c_str(), &v6->sin6_addr) == 1) {
      if (zone != std::string::npos) v6->sin6_scope_id = if_nametoindex(&host[zone + 1]);
      if (zone != std::string::npos && v6->sin6_scope_id == 0) return false;
      v6->sin6_family = AF_INET6;
      v6->sin6_port = htons(static_cast<uint16_t>(port));
      length = sizeof(sockaddr_in6);
    } else {
      return false;
    }
    return true;
  }

  // Whether the path fits into a Unix socket's address.
  bool set_unix(const std::string& path) {
    auto* address = reinterpret_cast<sockaddr_un*>(&storage);
    // An empty path would be a name that the kernel makes up.
    if (path.empty() || path.size() >= sizeof(address->sun_path)) return false;
    address->sun_family = AF_UNIX;
    std::copy(path.begin(), path.end(), address->sun_path);
    length = sizeof(sockaddr_un);
    return true;
  }
};

}  // namespace midstream
