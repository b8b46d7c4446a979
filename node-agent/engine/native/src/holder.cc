// The life of an engine object: made by JavaScript, kept while it runs, gone with its environment.

#include "holder.h"

#include <string>

namespace midstream {

namespace {

// Gives the queued events to JavaScript, in pieces of the shared memory's size, and runs the
// commands it answers with.
void deliver(Holder& holder) {
  napi_env env = holder.env;
  napi_handle_scope scope;
  if (napi_open_handle_scope(env, &scope) != napi_ok) return;
  napi_value callback, receiver;
  napi_get_reference_value(env, holder.on_batch, &callback);
  napi_get_reference_value(env, holder.self, &receiver);
  const std::shared_ptr<Engine> engine = holder.engine;
  while (!engine->events().empty() && !engine->stopping()) {
    napi_value count, answer;
    napi_create_uint32(env, engine->events().take(holder.events, holder.events_max), &count);
    const napi_status status =
        napi_make_callback(env, holder.context, receiver, callback, 1, &count, &answer);
    if (status != napi_ok) {
      napi_value error;
      if (napi_get_and_clear_last_exception(env, &error) == napi_ok) {
        napi_fatal_exception(env, error);
      }
      // Whoever goes on after that still hears of the rest.
      continue;
    }
    uint32_t commands = 0;
    if (napi_get_value_uint32(env, answer, &commands) == napi_ok) engine->run_commands(commands);
  }
  napi_close_handle_scope(env, scope);
}

void release(Holder& holder) {
  for (napi_ref* reference :
       {&holder.self, &holder.on_batch, &holder.events_memory, &holder.commands_memory}) {
    if (*reference != nullptr) napi_delete_reference(holder.env, *reference);
    *reference = nullptr;
  }
  if (holder.context != nullptr) napi_async_destroy(holder.env, holder.context);
  holder.context = nullptr;
}

// The environment ends: the engine goes without telling JavaScript.
void on_cleanup(napi_async_cleanup_hook_handle handle, void* data) {
  auto* holder = static_cast<Holder*>(data);
  const std::shared_ptr<Engine> engine = holder->engine;
  // The stop that is under way takes the hook away when its handles are closed.
  if (engine->stopping()) return;
  holder->hook = nullptr;
  engine->stop(false, [engine, handle] { napi_remove_async_cleanup_hook(handle); });
}

}  // namespace

bool memory_of(napi_env env, napi_value value, double** data, uint32_t* length) {
  bool is_typed = false;
  if (napi_is_typedarray(env, value, &is_typed) != napi_ok || !is_typed) return false;
  napi_typedarray_type type;
  size_t count = 0;
  void* memory = nullptr;
  napi_get_typedarray_info(env, value, &type, &count, &memory, nullptr, nullptr);
  if (type != napi_float64_array || memory == nullptr || count > UINT32_MAX) return false;
  *data = static_cast<double*>(memory);
  *length = static_cast<uint32_t>(count);
  return true;
}

napi_value construct_holder(napi_env env, napi_callback_info info) {
  size_t argc = 3;
  napi_value argv[3], self;
  napi_get_cb_info(env, info, &argc, argv, &self, nullptr);
  auto holder = std::make_shared<Holder>();
  holder->env = env;
  double* commands = nullptr;
  uint32_t events_length = 0, commands_length = 0;
  napi_valuetype type = napi_undefined;
  if (argc == 3) napi_typeof(env, argv[2], &type);
  if (argc != 3 || type != napi_function ||
      !memory_of(env, argv[0], &holder->events, &events_length) ||
      !memory_of(env, argv[1], &commands, &commands_length)) {
    napi_throw_type_error(env, nullptr,
                          "expected (events: Float64Array, commands: Float64Array, onBatch)");
    return nullptr;
  }
  holder->events_max = events_length / kEventFields;
  uv_loop_t* loop = nullptr;
  napi_get_uv_event_loop(env, &loop);
  UniqueFd epoll = Engine::open_epoll(loop);
  if (!epoll.valid()) {
    napi_throw_error(env, "EMFILE", "no descriptor is left for the engine");
    return nullptr;
  }
  napi_value name;
  napi_create_string_utf8(env, "midstream-engine", NAPI_AUTO_LENGTH, &name);
  napi_async_init(env, self, name, &holder->context);
  napi_create_reference(env, argv[0], 1, &holder->events_memory);
  napi_create_reference(env, argv[1], 1, &holder->commands_memory);
  napi_create_reference(env, argv[2], 1, &holder->on_batch);
  Holder* raw = holder.get();
  holder->engine = std::make_shared<Engine>(loop, std::move(epoll), commands, commands_length / kCommandFields,
                                            [raw] { deliver(*raw); });
  napi_wrap(
      env, self, new std::shared_ptr<Holder>(holder),
      [](napi_env, void* data, void*) {
        const std::unique_ptr<std::shared_ptr<Holder>> owned(
            static_cast<std::shared_ptr<Holder>*>(data));
        (*owned)->env = nullptr;
      },
      nullptr, nullptr);
  // The engine must not be collected while it runs.
  napi_create_reference(env, self, 1, &raw->self);
  napi_add_async_cleanup_hook(env, on_cleanup, raw, &raw->hook);
  return self;
}

void stop_holder(const std::shared_ptr<Holder>& stopping) {
  stopping->engine->stop(true, [holder = stopping] {
    if (holder->hook != nullptr) napi_remove_async_cleanup_hook(holder->hook);
    holder->hook = nullptr;
    const napi_env env = holder->env;
    napi_handle_scope scope;
    // The environment may have ended while the handles were closing.
    if (env == nullptr || napi_open_handle_scope(env, &scope) != napi_ok) return;
    release(*holder);
    napi_close_handle_scope(env, scope);
  });
}

}  // namespace midstream
