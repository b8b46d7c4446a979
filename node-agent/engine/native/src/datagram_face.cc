// The face of the engine's UDP half towards JavaScript. Every argument is checked here.

#include "datagram_face.h"

#include <arpa/inet.h>

#include <cerrno>
#include <string>

#include "call.h"

namespace midstream {

namespace {

// (listener, host, port, reusePort, single, transparent) → the bound port, or minus an errno.
napi_value bind_datagrams(napi_env env, napi_callback_info info) {
  Call call(env, info);
  if (!call) return nullptr;
  const uint32_t listener = call.whole(0);
  const uint32_t wanted_port = call.whole(2);
  SocketAddress address;
  if (listener == UINT32_MAX || wanted_port > 65535 ||
      !address.set_tcp(call.text(1).c_str(), static_cast<int>(wanted_port))) {
    return call.result(-EINVAL);
  }
  int port = 0;
  const int error = call.engine().datagrams().bind(listener, address, call.flag(3),
                                                   {call.flag(4), call.flag(5)}, &port);
  return call.result(error == 0 ? port : -error);
}

// (listener, descriptor, single, transparent) → the bound port, or minus an errno.
napi_value adopt_datagrams(napi_env env, napi_callback_info info) {
  Call call(env, info);
  if (!call) return nullptr;
  const uint32_t listener = call.whole(0);
  const uint32_t descriptor = call.whole(1);
  if (listener == UINT32_MAX || descriptor == UINT32_MAX) return call.result(-EINVAL);
  int port = 0;
  const int error = call.engine().datagrams().adopt(listener, static_cast<int>(descriptor),
                                                    {call.flag(2), call.flag(3)}, &port);
  return call.result(error == 0 ? port : -error);
}

// (listener, single, transparent)
napi_value adjust_datagrams(napi_env env, napi_callback_info info) {
  Call call(env, info);
  if (call) call.engine().datagrams().adjust(call.whole(0), {call.flag(1), call.flag(2)});
  return nullptr;
}

// (listener)
napi_value seal_datagrams(napi_env env, napi_callback_info info) {
  Call call(env, info);
  if (call) call.engine().datagrams().seal(call.whole(0));
  return nullptr;
}

// (listener, keepAddress, reason)
napi_value unbind_datagrams(napi_env env, napi_callback_info info) {
  Call call(env, info);
  if (!call) return nullptr;
  const uint32_t reason = call.whole(2);
  const bool known = reason < static_cast<uint32_t>(SessionEnd::kCount);
  call.engine().datagrams().unbind(call.whole(0), call.flag(1),
                                   known ? static_cast<SessionEnd>(reason) : SessionEnd::kRemoved);
  return nullptr;
}

// (listener) → the bound socket, or -1.
napi_value datagram_descriptor_of(napi_env env, napi_callback_info info) {
  Call call(env, info);
  return call ? call.result(call.engine().datagrams().descriptor_of(call.whole(0))) : nullptr;
}

// (host, port) → index, or -1.
napi_value add_datagram_target(napi_env env, napi_callback_info info) {
  Call call(env, info);
  if (!call) return nullptr;
  const uint32_t port = call.whole(1);
  if (port < 1 || port > 65535) return call.result(-1);
  return call.result(static_cast<double>(
      call.engine().datagrams().add_target(call.text(0).c_str(), static_cast<int>(port))));
}

// (clientIdleMs, backendIdleMs, twoWay, maxRequests, maxResponses, localAddress) → index, or -1.
napi_value add_session_terms(napi_env env, napi_callback_info info) {
  Call call(env, info);
  if (!call) return nullptr;
  const auto count = [&call](size_t index) -> uint32_t {
    const double value = call.number(index, 0);
    return value >= 1 && value < UINT32_MAX ? static_cast<uint32_t>(value) : 0;
  };
  SessionTerms terms;
  terms.client_idle_ms = count(0);
  terms.backend_idle_ms = count(1);
  terms.two_way = call.flag(2);
  terms.max_requests = count(3);
  terms.max_responses = count(4);
  const std::string source = call.text(5);
  if (!source.empty() && !terms.source.set_tcp(source.c_str(), 0)) return call.result(-1);
  return call.result(static_cast<double>(call.engine().datagrams().add_terms(terms)));
}

napi_value clear_datagram_tables(napi_env env, napi_callback_info info) {
  Call call(env, info);
  if (call) call.engine().datagrams().clear_tables();
  return nullptr;
}

// (listener) → the id of the session that made room, or -1.
napi_value evict_session(napi_env env, napi_callback_info info) {
  Call call(env, info);
  return call ? call.result(call.engine().datagrams().evict(call.whole(0))) : nullptr;
}

// (Float64Array) → rows written there.
napi_value take_moved_datagrams(napi_env env, napi_callback_info info) {
  Call call(env, info);
  if (!call) return nullptr;
  double* rows = nullptr;
  uint32_t length = 0;
  if (call.argc < 1 || !memory_of(env, call.argv[0], &rows, &length)) return call.result(0);
  const auto rows_max = static_cast<uint32_t>(length / limits::kMovedDatagramFields);
  return call.result(call.engine().datagrams().take_moved(rows, rows_max));
}

// → sessions, and sockets for single datagrams, that live.
napi_value live_datagrams(napi_env env, napi_callback_info info) {
  Call call(env, info);
  return call ? call.result(call.engine().datagrams().live()) : nullptr;
}

void add_endpoint(napi_env env, napi_value list, uint32_t index, const Endpoint& endpoint) {
  char text[INET6_ADDRSTRLEN] = "";
  // An IPv4 client of an IPv6 socket is shown in its own form.
  const in_addr v4 = unmapped(endpoint.address);
  if (endpoint.is_v4()) {
    inet_ntop(AF_INET, &v4, text, sizeof(text));
  } else {
    inet_ntop(AF_INET6, &endpoint.address, text, sizeof(text));
  }
  napi_value value;
  napi_create_string_utf8(env, text, NAPI_AUTO_LENGTH, &value);
  napi_set_element(env, list, index, value);
  napi_create_uint32(env, endpoint.port, &value);
  napi_set_element(env, list, index + 1, value);
}

// (id) → [address, port, localAddress, localPort], or undefined when the session is gone.
napi_value session_peer(napi_env env, napi_callback_info info) {
  Call call(env, info);
  if (!call) return nullptr;
  Datagrams& datagrams = call.engine().datagrams();
  const Session* session = datagrams.find(call.number(0));
  if (session == nullptr) return nullptr;
  napi_value list;
  napi_create_array_with_length(env, 4, &list);
  add_endpoint(env, list, 0, session->client);
  add_endpoint(env, list, 2, datagrams.local_of(*session));
  return list;
}

}  // namespace

std::vector<napi_property_descriptor> datagram_methods() {
  const auto method = [](const char* name, napi_callback callback) {
    return napi_property_descriptor{name,    nullptr,      callback, nullptr, nullptr,
                                    nullptr, napi_default, nullptr};
  };
  return {
      method("bindDatagrams", bind_datagrams),
      method("adoptDatagrams", adopt_datagrams),
      method("adjustDatagrams", adjust_datagrams),
      method("sealDatagrams", seal_datagrams),
      method("unbindDatagrams", unbind_datagrams),
      method("datagramDescriptorOf", datagram_descriptor_of),
      method("addDatagramTarget", add_datagram_target),
      method("addSessionTerms", add_session_terms),
      method("clearDatagramTables", clear_datagram_tables),
      method("evictSession", evict_session),
      method("takeMovedDatagrams", take_moved_datagrams),
      method("liveDatagrams", live_datagrams),
      method("sessionPeer", session_peer),
  };
}

}  // namespace midstream
