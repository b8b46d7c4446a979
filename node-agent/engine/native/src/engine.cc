// The engine's loop: waiting, handing out events, beginning and end.

#include "engine.h"

#include <fcntl.h>
#include <sys/epoll.h>

#include "tag.h"

namespace midstream {

UniqueFd Engine::open_epoll(uv_loop_t* loop) {
  UniqueFd epoll(epoll_create1(EPOLL_CLOEXEC));
  if (!epoll.valid()) return epoll;
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = Tag{Tag::kUv, 0, 0}.pack();
  if (epoll_ctl(epoll.get(), EPOLL_CTL_ADD, uv_backend_fd(loop), &event) != 0) epoll.reset();
  return epoll;
}

Engine::Engine(uv_loop_t* loop, UniqueFd epoll, const double* commands, uint32_t commands_max,
               std::function<void()> deliver)
    : loop_(loop),
      epoll_(std::move(epoll)),
      reserve_(open("/dev/null", O_RDONLY | O_CLOEXEC)),
      commands_(commands),
      commands_max_(commands_max),
      deliver_(std::move(deliver)),
      wheel_(slots_),
      datagrams_({epoll_, events_, now_ms_, clock_ms_, [this] { deliver_now(); },
                  [this] { refresh_reference(); }}),
      buffer_(limits::kReadBytes),
      staging_(limits::kStagingBytes + limits::kReadBytes) {
  uv_update_time(loop_);
  now_ms_ = uv_now(loop_);
  uv_prepare_init(loop_, &prepare_);
  uv_idle_init(loop_, &idle_);
  open_handles_ = 2;
  prepare_.data = idle_.data = this;
  uv_prepare_start(&prepare_,
                   [](uv_prepare_t* handle) { static_cast<Engine*>(handle->data)->on_prepare(); });
  refresh_reference();
}

Engine::~Engine() = default;

void Engine::on_prepare() {
  uv_idle_stop(&idle_);
  epoll_event events[limits::kEventsPerWait];
  for (;;) {
    const int count =
        epoll_wait(epoll_.get(), events, limits::kEventsPerWait, wait_ms());
    uv_update_time(loop_);
    now_ms_ = uv_now(loop_);
    // A wait that fails must not keep libuv from its own.
    uv_ready_ = count < 0;
    for (int index = 0; index < count && !stopping_; ++index) handle(events[index]);
    send_staged();
    if (stopping_) return;
    run_ready();
    run_securing();
    datagrams_.finish_round();
    if (stopping_) return;
    resume_listeners();
    deliver_if_due();
    if (stopping_) return;
    // uv_backend_timeout is 0 when timers are due, immediates wait or watchers changed.
    if (uv_ready_ || uv_backend_timeout(loop_) == 0) break;
  }
  uv_idle_start(&idle_, [](uv_idle_t*) {});
}

// Directions that used up their turn go on after everybody else had one. Those that the time does
// not suffice for come first the next time.
void Engine::run_ready() {
  if (ready_.empty()) return;
  sweeping_.clear();
  sweeping_.swap(ready_);
  const uint64_t end_ns = uv_hrtime() + limits::kSweepNs;
  size_t next = 0;
  while (next < sweeping_.size()) {
    go_on(sweeping_[next++]);
    if (uv_hrtime() >= end_ns) break;
  }
  ready_.insert(ready_.begin(), sweeping_.begin() + static_cast<std::ptrdiff_t>(next),
                sweeping_.end());
}

void Engine::go_on(double id) {
  Connection* connection = slots_.find(id);
  if (connection == nullptr) return;
  connection->listed_as_ready = false;
  if (connection->phase == Phase::kFlushing) {
    finish_flushing(*connection);
    return;
  }
  if (connection->phase == Phase::kRelayingTls) {
    pump_tls(*connection, kClient);
    if (slots_.find(id) == connection) pump_tls(*connection, kBackend);
    return;
  }
  pump(*connection, kClient);
  if (slots_.find(id) == connection) pump(*connection, kBackend);
}

int Engine::wait_ms() {
  if (!ready_.empty() || !securing_.empty() || events_.urgent()) return 0;
  int wait = uv_backend_timeout(loop_);
  const auto sooner = [&wait](int ms) {
    if (ms >= 0 && (wait < 0 || ms < wait)) wait = ms;
  };
  if (!events_.empty()) sooner(static_cast<int>(limits::kQuietEventMs));
  sooner(datagrams_.wait_ms());
  if (accept_retry_ms_ != 0) {
    sooner(accept_retry_ms_ <= now_ms_ ? 0 : static_cast<int>(accept_retry_ms_ - now_ms_));
  }
  return wait;
}

void Engine::handle(const epoll_event& event) {
  const Tag tag = Tag::unpack(event.data.u64);
  if (tag.kind == Tag::kUv) {
    uv_ready_ = true;
    return;
  }
  const bool is_connections = tag.kind == Tag::kClient || tag.kind == Tag::kBackend;
  if (!is_connections) send_staged();
  if (tag.kind == Tag::kListener) {
    on_listener(tag.generation);
    return;
  }
  if (datagrams_.handle(tag, event.events)) return;
  Connection* connection = slots_.find(tag.slot, tag.generation);
  if (connection == nullptr) return;
  const int side = tag.kind == Tag::kClient ? kClient : kBackend;
  if (stage(*connection, side, event.events)) return;
  // Sending what was staged may have ended it.
  if (slots_.find(tag.slot, tag.generation) != connection) return;
  if (connection->phase == Phase::kConnecting && side == kBackend) {
    on_connecting(*connection, event.events);
  } else {
    on_side(*connection, side, event.events);
  }
}

void Engine::deliver_if_due() {
  if (events_.empty()) return;
  const bool waited = now_ms_ - events_.since_ms() >= limits::kQuietEventMs;
  if (events_.urgent() || waited) deliver_now();
}

void Engine::deliver_now() {
  if (delivering_ || events_.empty()) return;
  delivering_ = true;
  deliver_();
  delivering_ = false;
}

// The loop may end when nothing is listened on and no connection or session lives.
void Engine::refresh_reference() {
  auto* prepare = reinterpret_cast<uv_handle_t*>(&prepare_);
  uv_unref(reinterpret_cast<uv_handle_t*>(&idle_));
  if (listeners_.empty() && slots_.used() == 0 && datagrams_.is_idle()) {
    uv_unref(prepare);
  } else {
    uv_ref(prepare);
  }
}

void Engine::tick(uint64_t clock_ms) {
  if (clock_ms <= clock_ms_) return;
  clock_ms_ = clock_ms;
  wheel_.advance(clock_ms_, [this](Connection& connection) { on_deadline(connection); });
  datagrams_.tick();
}

void Engine::stop(bool tell, std::function<void()> closed) {
  if (stopping_) return;
  if (!tell) delivering_ = true;
  for (uint32_t slot = 0; slot < slots_.size(); ++slot) {
    Connection& connection = slots_.at(slot);
    if (connection.phase == Phase::kFree) continue;
    end(connection, CloseReason::kStopped, true);
  }
  while (!listeners_.empty()) unlisten(listeners_.begin()->first, false);
  datagrams_.stop();
  deliver_now();
  stopping_ = true;
  stopped_ = std::move(closed);
  pipes_.clear();
  epoll_.reset();
  reserve_.reset();
  const auto on_closed = [](uv_handle_t* handle) {
    auto* engine = static_cast<Engine*>(handle->data);
    if (--engine->open_handles_ > 0) return;
    // May drop the last reference to the engine, so nothing of it is touched afterwards.
    const auto stopped = std::move(engine->stopped_);
    stopped();
  };
  uv_close(reinterpret_cast<uv_handle_t*>(&prepare_), on_closed);
  uv_close(reinterpret_cast<uv_handle_t*>(&idle_), on_closed);
}

}  // namespace midstream
