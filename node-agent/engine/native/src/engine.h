#pragma once

#include <uv.h>

#include <functional>
#include <string>
#include <unordered_map>
#include <vector>

#include "connection.h"
#include "datagrams.h"
#include "events.h"
#include "limits.h"
#include "pipe_pool.h"
#include "slots.h"
#include "socket_address.h"
#include "timer_wheel.h"
#include "tls_context.h"
#include "tls_wire.h"
#include "yielding.h"

struct epoll_event;

namespace midstream {

// Accepts, connects and moves bytes inside one libuv loop. All calls come from the loop's thread.
//
// It waits in its own epoll set from a prepare handle. libuv's descriptor is in that set, so one
// system call waits for both; when libuv has work the engine returns to it. An idle handle, active
// only across that return, keeps libuv from blocking where the engine's descriptors are not seen.
class Engine {
 public:
  // `deliver` hands the queued events to JavaScript and runs the commands it answers with.
  // `epoll` is the set that `open_epoll` made.
  Engine(uv_loop_t* loop, UniqueFd epoll, const double* commands, uint32_t commands_max,
         std::function<void()> deliver);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // An epoll set that has libuv's descriptor in it; invalid, with errno, when there is none to be had.
  static UniqueFd open_epoll(uv_loop_t* loop);

  // 0 or an errno; the port that was bound goes to `port`.
  int listen_tcp(uint32_t listener, const char* host, int port, bool reuse_port, int backlog,
                 int* bound_port);
  int listen_unix(uint32_t listener, const std::string& path, int backlog);
  // Takes over a socket that listens already; on an error it stays the caller's. `path` is that of
  // a Unix socket, empty otherwise.
  int listen_adopted(uint32_t listener, int fd, const std::string& path, int* bound_port);
  // `keep_path` leaves a Unix socket's file to whoever took the descriptor over.
  void unlisten(uint32_t listener, bool keep_path);
  // The listening socket, or -1.
  int descriptor_of(uint32_t listener) const;

  // Index for `connect` commands, or -1 when the table is full or the address is none.
  int64_t add_target(const char* host, int port);
  int64_t add_unix_target(const std::string& path);
  int64_t add_terms(const Terms& terms);
  // Index for `terms.dial_tls`, or -1 when the table is full.
  int64_t add_dial_tls(DialTls dial);
  // Forgets targets, terms and dials; indices start again at 0.
  void clear_tables();

  // Sets terms of TLS by number, or replaces them for handshakes to come; false, with the reason, when
  // they are refused: then those before stay.
  bool set_client_tls(uint32_t id, const ClientTlsTerms& terms, TlsRefusal* refusal);
  bool set_backend_tls(uint32_t id, const BackendTlsTerms& terms, TlsRefusal* refusal);
  void forget_tls(uint32_t id);

  // Tells the time that deadlines go by, in milliseconds of the caller's clock, and ends what is
  // due. Between two calls time stands still, so it is told often.
  void tick(uint64_t clock_ms);

  // Runs `count` commands that JavaScript wrote.
  void run_commands(uint32_t count);
  bool set_prefix(double id, const char* data, size_t size);
  const Connection* find(double id) { return slots_.find(id); }
  // Copies what a client has said so far, at most `size` bytes, and leaves it where it is.
  size_t first_bytes(double id, char* out, size_t size);

  // Rows of id, rx, tx for connections that moved bytes since the last call; returns their number.
  uint32_t take_moved(double* rows, uint32_t rows_max);
  uint32_t connections() const { return slots_.used(); }
  EventQueue& events() { return events_; }
  Datagrams& datagrams() { return datagrams_; }

  // Aborts everything and closes the libuv handles; `closed` runs once they are gone and may
  // destroy the engine. With `tell` the ends are delivered first.
  void stop(bool tell, std::function<void()> closed);
  bool stopping() const { return stopping_; }

 private:
  struct Listener {
    UniqueFd fd;
    // Of a Unix socket: removed when listening ends.
    std::string path;
    bool paused = false;
  };

  // loop
  void on_prepare();
  void handle(const epoll_event& event);
  int wait_ms();
  void deliver_if_due();
  void deliver_now();
  void refresh_reference();

  // accepting
  // Takes the descriptor when it succeeds, and leaves it to the caller otherwise.
  int start_listener(uint32_t listener, UniqueFd& fd, const std::string& path);
  void pause(Listener& listener);
  void on_listener(uint32_t listener);
  void admit(UniqueFd fd, const sockaddr_storage& peer, uint32_t listener);
  void shed_one(Listener& listener);
  void resume_listeners();

  // looking at first bytes
  void peek(Connection& connection, uint32_t more_than, uint64_t timeout_ms);
  void try_peek(Connection& connection);
  void tell_peeked(Connection& connection, PeekOutcome outcome);
  void discard(Connection& connection, size_t count);

  // connecting
  void connect(Connection& connection, uint32_t target, uint32_t terms);
  void on_connecting(Connection& connection, uint32_t events);
  void fail_connect(Connection& connection, int error, TlsFailure failure = TlsFailure::kNone);
  void start_relay(Connection& connection);

  // handshakes
  struct TlsTerms {
    std::shared_ptr<ClientTls> client;
    std::shared_ptr<BackendTls> backend;
  };
  TlsWire& wire();
  void secure(Connection& connection, uint32_t terms, uint64_t timeout_ms);
  bool begin_backend_tls(Connection& connection, const SocketAddress& target);
  void secure_backend(Connection& connection);
  void list_as_securing(Connection& connection);
  void run_securing();
  void shake(Connection& connection);
  void tell_secured(Connection& connection);
  void fail_handshake(Connection& connection, TlsFailure failure);

  // relaying
  void on_side(Connection& connection, int side, uint32_t events);
  void note_events(Side& side, uint32_t events);
  void relay_side(Connection& connection, int side, uint32_t events);
  void note_gone(Connection& connection, int side, uint32_t events);
  void list_as_ready(Connection& connection);
  void run_ready();
  void go_on(double id);
  void pump(Connection& connection, int direction);
  enum class Step { kGoOn, kBlocked, kGone };
  Step flush(Connection& connection, int direction);
  Step refused(Connection& connection, int direction, int error);
  void note_end(Connection& connection, int side);
  void end_source(Connection& connection, int side);
  Step finish(Connection& connection, int direction);
  Step read_copy(Connection& connection, int direction);
  Step take(Connection& connection, int direction, const char* data, ssize_t got);
  Step pass_on(Connection& connection, int direction, const char* data, size_t size);
  Step read_splice(Connection& connection, int direction);
  Step reset(Connection& connection, int side);
  // False, with errno, when the kernel cannot watch one more.
  bool watch(Connection& connection, int side, bool with_out);
  void note_moved(Connection& connection, int direction, size_t bytes);
  void give_back_pipe(Direction& direction);

  // relaying with TLS
  enum class Heard { kMore, kEnd, kReset };
  void start_tls_relay(Connection& connection);
  bool send_prefix(Connection& connection);
  void relay_tls_side(Connection& connection, int side, uint32_t events);
  void pump_tls(Connection& connection, int direction);
  Step flush_tls(Connection& connection, int direction);
  Step send_tls(Connection& connection, int side);
  Heard hear(Connection& connection, int side, size_t* got);
  Heard hear_sealed(TlsSession& tls, size_t* got);
  Heard hear_plain(Side& side, size_t* got);
  Step note_heard(Connection& connection, int side, Heard heard);
  Step open_one(Connection& connection, int direction, size_t* turn_bytes);
  Step seal_batch(Connection& connection, int direction, size_t* turn_bytes);
  Step drain(Connection& connection, int direction);
  void say_end(Connection& connection, int side);

  // small messages
  // One that was read in this wake-up, and where it lies.
  struct Staged {
    uint32_t slot;
    uint32_t generation;
    uint32_t at;
    uint32_t size;
  };
  bool stage(Connection& connection, int side, uint32_t events);
  static bool suits_staging(const Connection& connection, int side, uint32_t events);
  void send_staged();
  void send_one(const Staged& one, int direction);

  // ending
  void close_by_command(Connection& connection, bool abort, CloseReason reason);
  void start_flushing(Connection& connection, CloseReason reason);
  void finish_flushing(Connection& connection);
  void discard_source(Connection& connection, int side);
  static bool has_queue(const Connection& connection);
  void end(Connection& connection, CloseReason reason, bool abort);
  void on_deadline(Connection& connection);
  void settle(Connection& connection);
  void schedule_idle(Connection& connection);
  uint64_t heard_ms(const Connection& connection, int side) const;

  uv_loop_t* loop_;
  uv_prepare_t prepare_;
  uv_idle_t idle_;
  UniqueFd epoll_;
  UniqueFd reserve_;
  EventQueue events_;
  const double* commands_;
  uint32_t commands_max_;
  std::function<void()> deliver_;
  std::function<void()> stopped_;
  // Outlives the sessions, which use it: made with the first of them.
  std::unique_ptr<TlsWire> wire_;
  Slots slots_;
  TimerWheel wheel_;
  PipePool pipes_;
  Datagrams datagrams_;
  std::unordered_map<uint32_t, Listener> listeners_;
  std::vector<SocketAddress> targets_;
  std::vector<Terms> terms_;
  std::unordered_map<uint32_t, std::string> prefixes_;
  std::unordered_map<uint32_t, TlsTerms> tls_terms_;
  std::vector<DialTls> dial_tls_;
  std::vector<double> moved_;
  // Connections whose turn was over; `sweeping_` is the list of the turn that runs.
  std::vector<double> ready_;
  std::vector<double> sweeping_;
  // Connections whose handshake can go on, in turn.
  std::vector<double> securing_;
  Yielding yielding_;
  std::vector<char> buffer_;
  // By direction.
  std::vector<Staged> staged_[2];
  std::vector<char> staging_;
  uint32_t staged_bytes_ = 0;
  // The loop's time, for what is about the loop itself; and the caller's, for deadlines.
  uint64_t now_ms_ = 0;
  uint64_t clock_ms_ = 0;
  uint64_t accept_retry_ms_ = 0;
  int open_handles_ = 0;
  bool uv_ready_ = false;
  bool delivering_ = false;
  bool stopping_ = false;
};

}  // namespace midstream
