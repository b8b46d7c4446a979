// The face of the engine towards JavaScript (Node-API). Everything that comes from JavaScript is
// checked here or by the engine's tables; nothing that comes from the network is looked at.

#include <cerrno>
#include <iterator>
#include <string>
#include <vector>

#include "call.h"
#include "datagram_face.h"
#include "peer.h"
#include "tls_arguments.h"

namespace midstream {

namespace {

constexpr uint32_t kBacklogMax = 65535;
// Says which face this is; `native-addon.ts` accepts its own number only. Raise both together.
constexpr uint32_t kContract = 3;

// (listener, host, port, reusePort, backlog) → the bound port, or minus an errno.
napi_value listen_tcp(napi_env env, napi_callback_info info) {
  Call call(env, info);
  if (!call) return nullptr;
  const uint32_t listener = call.whole(0);
  const uint32_t wanted_port = call.whole(2);
  const uint32_t backlog = call.whole(4);
  if (listener == UINT32_MAX || wanted_port > 65535 || backlog > kBacklogMax) {
    return call.result(-EINVAL);
  }
  int port = 0;
  const int error =
      call.engine().listen_tcp(listener, call.text(1).c_str(), static_cast<int>(wanted_port),
                               call.flag(3), static_cast<int>(backlog), &port);
  return call.result(error == 0 ? port : -error);
}

// (listener, path, backlog) → 0, or minus an errno.
napi_value listen_unix(napi_env env, napi_callback_info info) {
  Call call(env, info);
  if (!call) return nullptr;
  const uint32_t listener = call.whole(0);
  const uint32_t backlog = call.whole(2);
  if (listener == UINT32_MAX || backlog > kBacklogMax) return call.result(-EINVAL);
  return call.result(
      -call.engine().listen_unix(listener, call.text(1), static_cast<int>(backlog)));
}

// (listener, descriptor, path) → the bound port, or minus an errno.
napi_value listen_adopted(napi_env env, napi_callback_info info) {
  Call call(env, info);
  if (!call) return nullptr;
  const uint32_t listener = call.whole(0);
  const uint32_t descriptor = call.whole(1);
  if (listener == UINT32_MAX || descriptor == UINT32_MAX) return call.result(-EINVAL);
  int port = 0;
  const int error = call.engine().listen_adopted(listener, static_cast<int>(descriptor),
                                                 call.text(2), &port);
  return call.result(error == 0 ? port : -error);
}

// (listener, keepPath)
napi_value unlisten(napi_env env, napi_callback_info info) {
  Call call(env, info);
  if (call) call.engine().unlisten(call.whole(0), call.flag(1));
  return nullptr;
}

// (listener) → the listening socket, or -1.
napi_value descriptor_of(napi_env env, napi_callback_info info) {
  Call call(env, info);
  if (!call) return nullptr;
  return call.result(call.engine().descriptor_of(call.whole(0)));
}

// (host, port) → index, or -1.
napi_value add_target(napi_env env, napi_callback_info info) {
  Call call(env, info);
  if (!call) return nullptr;
  const std::string host = call.text(0);
  const double port = call.number(1);
  if (!(port >= 1 && port <= 65535)) return call.result(-1);
  return call.result(
      static_cast<double>(call.engine().add_target(host.c_str(), static_cast<int>(port))));
}

napi_value add_unix_target(napi_env env, napi_callback_info info) {
  Call call(env, info);
  if (!call) return nullptr;
  return call.result(static_cast<double>(call.engine().add_unix_target(call.text(0))));
}

napi_value clear_tables(napi_env env, napi_callback_info info) {
  Call call(env, info);
  if (call) call.engine().clear_tables();
  return nullptr;
}

// (connectTimeoutMs, clientIdleMs, backendIdleMs, halfClosedMs, twoWay, dialTls) → index, or -1. A
// `dialTls` below 0 is none.
napi_value add_terms(napi_env env, napi_callback_info info) {
  Call call(env, info);
  if (!call) return nullptr;
  const auto ms = [&call](size_t index) -> uint64_t {
    const double value = call.number(index, 0);
    return value > 0 && value < limits::kMillisecondsMax ? static_cast<uint64_t>(value) : 0;
  };
  const Terms terms = {ms(0), ms(1), ms(2), ms(3), call.flag(4), call.whole(5)};
  return call.result(static_cast<double>(call.engine().add_terms(terms)));
}

// (id, Uint8Array) → how many of the client's first bytes were copied there.
napi_value first_bytes(napi_env env, napi_callback_info info) {
  Call call(env, info);
  if (!call) return nullptr;
  char* data = nullptr;
  size_t size = 0;
  if (!call.bytes(1, &data, &size)) return call.result(0);
  return call.result(static_cast<double>(call.engine().first_bytes(call.number(0), data, size)));
}

// (id, Uint8Array) → whether they will be sent to the backend first.
napi_value set_prefix(napi_env env, napi_callback_info info) {
  Call call(env, info);
  if (!call) return nullptr;
  char* data = nullptr;
  size_t size = 0;
  const bool taken =
      call.bytes(1, &data, &size) && call.engine().set_prefix(call.number(0), data, size);
  napi_value out;
  napi_get_boolean(env, taken, &out);
  return out;
}

// (ms): the time that deadlines go by.
napi_value tick(napi_env env, napi_callback_info info) {
  Call call(env, info);
  if (!call) return nullptr;
  const double ms = call.number(0);
  if (ms >= 0 && ms < limits::kMillisecondsMax) call.engine().tick(static_cast<uint64_t>(ms));
  return nullptr;
}

// (count): runs commands that were written outside of a batch.
napi_value run(napi_env env, napi_callback_info info) {
  Call call(env, info);
  if (call) call.engine().run_commands(call.whole(0));
  return nullptr;
}

napi_value take_moved(napi_env env, napi_callback_info info) {
  Call call(env, info);
  if (!call) return nullptr;
  double* rows = nullptr;
  uint32_t length = 0;
  if (call.argc < 1 || !memory_of(env, call.argv[0], &rows, &length)) return call.result(0);
  return call.result(call.engine().take_moved(rows, length / 3));
}

napi_value connections(napi_env env, napi_callback_info info) {
  Call call(env, info);
  return call ? call.result(call.engine().connections()) : nullptr;
}

napi_value stop(napi_env env, napi_callback_info info) {
  Call call(env, info);
  if (call) stop_holder(call.holder);
  return nullptr;
}

}  // namespace

napi_value init(napi_env env, napi_value exports) {
  const auto method = [](const char* name, napi_callback callback) {
    return napi_property_descriptor{name,    nullptr,      callback, nullptr, nullptr,
                                    nullptr, napi_default, nullptr};
  };
  const napi_property_descriptor methods[] = {
      method("listenTcp", listen_tcp),
      method("listenUnix", listen_unix),
      method("listenAdopted", listen_adopted),
      method("unlisten", unlisten),
      method("descriptorOf", descriptor_of),
      method("addTarget", add_target),
      method("addUnixTarget", add_unix_target),
      method("clearTables", clear_tables),
      method("addTerms", add_terms),
      method("setClientTls", set_client_tls),
      method("setBackendTls", set_backend_tls),
      method("forgetTls", forget_tls),
      method("addDialTls", add_dial_tls),
      method("tlsFacts", tls_facts),
      method("firstBytes", first_bytes),
      method("setPrefix", set_prefix),
      method("tick", tick),
      method("run", run),
      method("takeMoved", take_moved),
      method("connections", connections),
      method("peer", peer),
      method("stop", stop),
  };
  std::vector<napi_property_descriptor> all(std::begin(methods), std::end(methods));
  for (const auto& one : datagram_methods()) all.push_back(one);
  napi_value constructor;
  napi_define_class(env, "NativeEngine", NAPI_AUTO_LENGTH, construct_holder, nullptr, all.size(),
                    all.data(), &constructor);
  napi_set_named_property(env, exports, "NativeEngine", constructor);
  napi_value contract;
  napi_create_uint32(env, kContract, &contract);
  napi_set_named_property(env, exports, "contract", contract);
  return exports;
}

}  // namespace midstream

NAPI_MODULE_INIT() { return midstream::init(env, exports); }
