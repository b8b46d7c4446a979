#pragma once

#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "datagram_events.h"
#include "outlet.h"
#include "receive_batch.h"
#include "reply_batch.h"
#include "session.h"
#include "session_index.h"
#include "tag.h"
#include "timer_wheel.h"
#include "unique_fd.h"

struct epoll_event;

namespace midstream {

// What datagrams need of the engine that they are a part of.
struct DatagramHost {
  const UniqueFd& epoll;
  EventQueue& events;
  // The loop's time, and the caller's, which deadlines go by.
  const uint64_t& now_ms;
  const uint64_t& clock_ms;
  // Hands the queued events to JavaScript and runs the commands it answers with.
  std::function<void()> deliver;
  std::function<void()> refresh_reference;
};

// How a listener treats its clients.
struct PortTerms {
  bool single = false;
  bool transparent = false;
};

// The UDP half of an engine: sockets that clients send to, and a connected one for each session.
//
// A look at a listening socket brings a batch. Datagrams of known sessions are sent at once; the flow
// is asked about unknown clients, and answers within the batch, so that these too go out of the
// buffers that they came in. What is not answered by then is copied.
class Datagrams {
 public:
  explicit Datagrams(DatagramHost host);
  Datagrams(const Datagrams&) = delete;
  Datagrams& operator=(const Datagrams&) = delete;

  // 0 or an errno; the port that was bound goes to `bound_port`.
  int bind(uint32_t listener, const SocketAddress& address, bool reuse_port, PortTerms terms,
           int* bound_port);
  // Takes over a socket that is bound already; on an error it stays the caller's.
  int adopt(uint32_t listener, int fd, PortTerms terms, int* bound_port);
  void adjust(uint32_t listener, PortTerms terms);
  void seal(uint32_t listener);
  void unbind(uint32_t listener, bool keep_address, SessionEnd reason);
  // The bound socket, or -1.
  int descriptor_of(uint32_t listener);

  // Index for `forward` commands, or -1 when the table is full or the address is none.
  int64_t add_target(const char* host, int port);
  int64_t add_terms(const SessionTerms& terms);
  // Forgets targets and terms; indices start again at 0.
  void clear_tables();

  // One command as it stands in the shared memory; false when it is not about datagrams.
  bool run_command(const double* command);
  // Ends the session of a listener that can be spared best; its id, or -1.
  double evict(uint32_t listener);
  const Session* find(double id) { return sessions_.find(id); }
  // Where a session's datagrams come to.
  Endpoint local_of(const Session& session);
  // Rows of id, bytes and datagrams both ways for sessions that moved some since the last call.
  uint32_t take_moved(double* rows, uint32_t rows_max);
  // Sessions, and sockets that are closed when nobody uses them for a while.
  uint32_t live() const { return sessions_.used() + outlets_.used(); }
  bool is_idle() const { return ports_.used() == 0 && live() == 0; }

  // From the loop; false when the event is not about datagrams.
  bool handle(const Tag& tag, uint32_t events);
  void finish_round();
  // How long the loop may wait, in milliseconds; -1 for as long as it likes.
  int wait_ms() const;
  void tick();
  void stop();

 private:
  // One datagram of the batch that is handled; the next one is of the same session.
  struct Span {
    char* data;
    uint32_t bytes;
    uint32_t next;
  };
  struct Ready {
    bool is_port;
    uint32_t slot;
    uint32_t generation;
  };

  // binding
  int start_port(uint32_t listener, UniqueFd& fd, PortTerms terms, int* bound_port);
  // Edge-triggered; false, with errno, when the kernel cannot watch one more.
  bool watch(int fd, Tag tag, uint32_t events, bool is_new);
  void watch_out(Port& port, bool wanted);
  void watch_out(Session& session, bool wanted);
  Port* port_of(uint32_t listener);
  // Once nobody needs it.
  void release_if_unused(Port& port);
  void drop(Port& port, Drop reason, uint32_t count);
  void tell_drops(Port& port);
  void tell_due_drops();

  // receiving
  void on_port(uint32_t slot, uint32_t generation, uint32_t events);
  void receive(Port& port);
  void route(Port& port, int index);
  void admit(Port& port, const SessionKey& key, char* data, uint32_t bytes);
  Session* ask(Port& port, const SessionKey& key, uint32_t bytes);
  void append(Session& session, char* data, uint32_t bytes);
  void settle();
  void keep(Session& session);
  void hold(Session& session, const char* data, size_t bytes);
  std::unique_ptr<HeldDatagrams> take_held(Session& session);
  void note_heard(Port& port, Session& session);
  static LinkedList& list_of(Port& port, const Session& session);

  // forwarding
  void forward(Session& session, uint32_t target, uint32_t terms);
  int open_socket(const Session& session, const SocketAddress& target,
                  const SocketAddress& source, UniqueFd* out);
  void set_resolving(Session& session, bool resolving);
  void fail(Session& session, int error);

  // sending to backends
  // Consecutive datagrams of a session that can leave with one call.
  struct Group {
    iovec parts[limits::kSegmentsMax];
    uint32_t part_count = 0;
    uint32_t datagrams = 0;
    uint32_t bytes = 0;
    uint32_t segment = 0;
    uint32_t after = UINT32_MAX;
  };
  enum class Sent { kTaken, kDropped, kNoRoom, kRefused, kOneByOne };
  void send_spans(Session& session);
  void send_held(Session& session);
  void group_from(const Session& session, uint32_t span, Group* group);
  Sent send_group(Session& session, Group& group);
  Sent send_one(Session& session, const char* data, size_t bytes);
  void note_sent(Session& session, uint32_t datagrams, uint64_t bytes);
  void finish_requests(Session& session);
  void pass_on(const SessionKey& key, const HeldDatagrams* held, uint32_t span);

  // single datagrams
  void forward_single(Session& session, uint32_t target, uint32_t terms);
  Outlet* outlet_for(const Session& session, uint32_t target, uint32_t terms, int* error);
  void send_single(Port& port, Outlet& outlet, const char* data, size_t bytes);
  void close_outlet(Outlet& outlet);
  void tell_refused(Outlet& outlet);
  void close_unused_outlets();
  void on_outlet(uint32_t slot, uint32_t generation);

  // replying
  void on_session(uint32_t slot, uint32_t generation, uint32_t events);
  int receive_replies(Session& session);
  void flush_replies();
  void send_run(size_t begin, size_t end);
  void account_reply(double session, uint64_t datagrams, uint64_t bytes);
  void send_reply(Port& port, const ReplyTo& to, const char* data, size_t bytes);
  // False when there is no room.
  bool try_reply(Port& port, const ReplyTo& to, const char* data, size_t bytes);
  void hold_reply(Port& port, const ReplyTo& to, const char* data, size_t bytes);
  void send_held_replies(Port& port);

  // ending
  void release(Session& session);
  void end(Session& session, SessionEnd reason);
  void on_deadline(Session& session);
  void schedule_idle(Session& session);
  void note_moved(Session& session);

  void list_as_ready(Port& port);
  void list_as_ready(Session& session);

  DatagramHost host_;
  Ports ports_;
  Sessions sessions_;
  SessionIndex index_;
  DeadlineWheel<Session> wheel_;
  Outlets outlets_;
  std::unordered_map<uint32_t, uint32_t> port_by_listener_;
  std::vector<SocketAddress> targets_;
  std::vector<SessionTerms> terms_;
  // Made when the first port is bound: an engine without UDP needs none.
  std::unique_ptr<ReceiveBatch> batch_;
  std::unique_ptr<ReplyBatch> replies_;
  // The datagrams of the batch that is handled, and whose they are.
  std::vector<Span> spans_;
  std::vector<double> touched_;
  std::vector<double> moved_;
  // Sessions whose last reply is in `replies_`.
  std::vector<double> answered_;
  std::vector<Ready> ready_;
  std::vector<Ready> sweeping_;
  std::vector<uint32_t> dropping_;
  size_t held_bytes_ = 0;
  bool in_batch_ = false;
};

}  // namespace midstream
