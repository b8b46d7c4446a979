// Who is at the other end, and where they came in.

#include "peer.h"

#include <arpa/inet.h>
#include <sys/socket.h>

#include <cstring>
#include <string>

#include "call.h"

namespace midstream {

namespace {

std::string text_of(const sockaddr_in6& address, int* port) {
  char text[INET6_ADDRSTRLEN] = "";
  *port = 0;
  if (address.sin6_family == AF_INET) {
    sockaddr_in v4;
    memcpy(&v4, &address, sizeof(v4));
    inet_ntop(AF_INET, &v4.sin_addr, text, sizeof(text));
    *port = ntohs(v4.sin_port);
  } else if (address.sin6_family == AF_INET6) {
    // An IPv4 client of an IPv6 socket is shown in its own form.
    if (IN6_IS_ADDR_V4MAPPED(&address.sin6_addr)) {
      inet_ntop(AF_INET, address.sin6_addr.s6_addr + 12, text, sizeof(text));
    } else {
      inet_ntop(AF_INET6, &address.sin6_addr, text, sizeof(text));
    }
    *port = ntohs(address.sin6_port);
  }
  return text;
}

}  // namespace

napi_value peer(napi_env env, napi_callback_info info) {
  Call call(env, info);
  if (!call) return nullptr;
  const Connection* connection = call.engine().find(call.number(0));
  if (connection == nullptr) return nullptr;
  sockaddr_in6 local{};
  socklen_t length = sizeof(local);
  if (getsockname(connection->side[kClient].fd.get(), reinterpret_cast<sockaddr*>(&local),
                  &length) != 0) {
    local = {};
  }
  napi_value list;
  napi_create_array_with_length(env, 4, &list);
  uint32_t index = 0;
  for (const sockaddr_in6* address : {&connection->peer, static_cast<const sockaddr_in6*>(&local)}) {
    int port = 0;
    const std::string host = text_of(*address, &port);
    napi_value value;
    napi_create_string_utf8(env, host.data(), host.size(), &value);
    napi_set_element(env, list, index++, value);
    napi_create_int32(env, port, &value);
    napi_set_element(env, list, index++, value);
  }
  return list;
}

}  // namespace midstream
