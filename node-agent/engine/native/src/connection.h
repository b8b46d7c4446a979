#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdint>
#include <cstring>
#include <memory>
#include <string>

#include "pipe_pool.h"
#include "tls_failure.h"
#include "unique_fd.h"

namespace midstream {

// With TLS a connection is secured before it is told or relayed, and relayed by other means.
enum class Phase : uint8_t {
  kFree,
  kAccepted,
  kPeeking,
  kSecuringClient,
  kConnecting,
  kSecuringBackend,
  kRelaying,
  kRelayingTls,
  kFlushing,
};

// Why a connection ended; the order is that of `closeReasons` in engine.ts.
enum class CloseReason : uint8_t {
  kClientClosed,
  kBackendClosed,
  kClientReset,
  kBackendReset,
  kClientIdle,
  kBackendIdle,
  kConnectFailed,
  kConnectTimeout,
  kNoBackend,
  kBackendsFull,
  kLimitReached,
  kAccessDenied,
  kDrained,
  kRemoved,
  kStopped,
  kBackendLost,
  kHandshakeFailed,
  kHandshakeTimeout,
  kUntrustedProxy,
  kBadProxyHeader,
  kProxyHeaderTimeout,
  kBadHello,
  kHelloTimeout,
  kNameRefused,
  kCount,
};

// Bytes that the other side did not take yet.
class Pending {
 public:
  bool empty() const { return begin_ == size_; }
  const char* data() const { return bytes_.get() + begin_; }
  size_t size() const { return size_ - begin_; }
  void set(const char* data, size_t size) {
    bytes_ = std::make_unique<char[]>(size);
    memcpy(bytes_.get(), data, size);
    begin_ = 0;
    size_ = size;
  }
  void consume(size_t count) {
    begin_ += count;
    if (begin_ == size_) clear();
  }
  void clear() {
    bytes_.reset();
    begin_ = size_ = 0;
  }

 private:
  std::unique_ptr<char[]> bytes_;
  size_t begin_ = 0;
  size_t size_ = 0;
};

class TlsSession;
struct TlsSessionDeleter {
  void operator()(TlsSession* session) const;
};
using TlsSessionPtr = std::unique_ptr<TlsSession, TlsSessionDeleter>;

// One of the two sockets, and what the kernel last said of it (edge-triggered, so remembered).
struct Side {
  UniqueFd fd;
  // Null in clear.
  TlsSessionPtr tls;
  uint64_t last_read_ms = 0;
  bool readable = false;
  bool writable = false;
  // The peer's end of stream has arrived: a short read after this is the last one.
  bool hung_up = false;
  // Urgent data or an error was announced: then a short read says nothing, reads go on until EAGAIN,
  // the end or the error.
  bool read_to_end = false;
  // A Unix socket: a passed descriptor parts what waits, and a read stops there. As above, for good.
  bool reads_in_parts = false;
  bool watched = false;
  bool out_watched = false;
  // Its options are set; of a client, they came with the listener.
  bool prompt = false;
  bool kept_alive = false;
  // Its handshake is acknowledged by what is sent first.
  bool acknowledges_late = false;
};

// Bytes from one side to the other. INVARIANT: `pending` and `in_pipe` are never both non-empty.
struct Direction {
  uint64_t bytes = 0;
  Pending pending;
  std::unique_ptr<Pipe> pipe;
  size_t in_pipe = 0;
  // Spliced since the source ran dry the last time.
  size_t run_bytes = 0;
  // Of what waits, this many bytes are not the client's (a prefix) and are not counted.
  size_t uncounted = 0;
  uint8_t big_reads = 0;
  bool source_done = false;
  bool end_sent = false;
};

struct Terms {
  uint64_t connect_timeout_ms = 0;
  uint64_t client_idle_ms = 0;
  uint64_t backend_idle_ms = 0;
  // Silence that a connection with one end closed may keep when no idle time is set; 0: forever.
  uint64_t half_closed_ms = 0;
  bool two_way = true;
  // TLS towards the backend: an index of the table of dials; in clear when it is none of it.
  uint32_t dial_tls = UINT32_MAX;
};

inline constexpr int kClient = 0;
inline constexpr int kBackend = 1;

// A client's connection and, once elected, the one to its backend. side[i] feeds direction[i].
struct Connection {
  Side side[2];
  Direction direction[2];
  Terms terms;
  // IPv4 or IPv6 by `sin6_family`; AF_UNSPEC for a Unix socket.
  sockaddr_in6 peer{};
  uint64_t deadline_ms = 0;
  uint64_t connect_started_ms = 0;
  uint32_t slot = 0;
  uint32_t generation = 0;
  uint32_t listener = 0;
  // While peeking: more first bytes than these are worth telling.
  uint32_t peek_more_than = 0;
  // Links in the timer wheel's bucket.
  uint32_t timer_next = UINT32_MAX;
  uint32_t timer_previous = UINT32_MAX;
  uint32_t timer_bucket = UINT32_MAX;
  Phase phase = Phase::kFree;
  CloseReason first_end = CloseReason::kClientClosed;
  bool backend_reset = false;
  bool ended_once = false;
  bool listed_as_moved = false;
  bool listed_as_ready = false;
  bool listed_as_securing = false;
  // Where the prefix goes when its backend has TLS.
  bool prefix_in_clear = false;
  // Why its client's handshake failed.
  TlsFailure tls_failure = TlsFailure::kNone;

  bool is_free() const { return phase == Phase::kFree; }
};

}  // namespace midstream
