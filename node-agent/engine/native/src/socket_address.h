#pragma once

#include <arpa/inet.h>
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

  int family() const { return storage.ss_family; }
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }

  // Whether `host` is an IPv4 or IPv6 address in its usual text form, and the port a port.
  bool set_tcp(const char* host, int port) {
    if (port < 0 || port > 65535) return false;
    auto* v4 = reinterpret_cast<sockaddr_in*>(&storage);
    auto* v6 = reinterpret_cast<sockaddr_in6*>(&storage);
    if (inet_pton(AF_INET, host, &v4->sin_addr) == 1) {
      v4->sin_family = AF_INET;
      v4->sin_port = htons(static_cast<uint16_t>(port));
      length = sizeof(sockaddr_in);
    } else if (inet_pton(AF_INET6, host, &v6->sin6_addr) == 1) {
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
    if (path.size() >= sizeof(address->sun_path)) return false;
    address->sun_family = AF_UNIX;
    std::copy(path.begin(), path.end(), address->sun_path);
    length = sizeof(sockaddr_un);
    return true;
  }
};

}  // namespace midstream
