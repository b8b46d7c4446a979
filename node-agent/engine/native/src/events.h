#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

#include "connection.h"

namespace midstream {

// What the engine tells, one row of six numbers each; `event-rows.ts` reads the same layout.
enum class EventKind : uint8_t {
  kAccepted = 1,
  kConnected = 2,
  kFailed = 3,
  kClosed = 4,
  kAcceptFailed = 5,
  kPeeked = 6,
  kSecured = 7,
};

// Why first bytes are told; the order is that of `peekOutcomes` in event-rows.ts.
enum class PeekOutcome : uint8_t { kMore, kEnded, kTimeout };

// What the flow answers, one row of four numbers each; `command-rows.ts` writes the same layout.
enum class CommandKind : uint8_t { kConnect = 1, kClose = 2, kPeek = 3, kDiscard = 4, kSecure = 5 };

inline constexpr uint32_t kEventFields = 6;
inline constexpr uint32_t kCommandFields = 4;

// Events on their way to JavaScript, in the order in which they happened. Holds at most a few per
// connection: a connection is closed once, and connects only when told.
class EventQueue {
 public:
  struct Row {
    double fields[kEventFields];
  };
  struct Closed {
    double id;
    CloseReason reason;
    uint64_t rx_bytes;
    uint64_t tx_bytes;
    TlsFailure tls_failure;
  };

  bool empty() const { return rows_.empty(); }
  bool urgent() const { return urgent_; }
  uint64_t since_ms() const { return since_ms_; }

  // A row of another part of the engine.
  void add(const Row& row, bool urgent, uint64_t now_ms) {
    if (rows_.empty()) since_ms_ = now_ms;
    rows_.push_back(row);
    urgent_ = urgent_ || urgent;
  }

  // Moves the oldest rows to `out`; returns how many.
  uint32_t take(double* out, uint32_t rows_max) {
    const auto count = static_cast<uint32_t>(std::min<size_t>(rows_.size() - begin_, rows_max));
    memcpy(out, rows_.data() + begin_, count * sizeof(Row));
    begin_ += count;
    if (begin_ == rows_.size()) {
      rows_.clear();
      begin_ = 0;
      urgent_ = false;
    }
    return count;
  }

  // An IPv4 client's address and port ride along; of any other, -1, and JavaScript asks.
  void accepted(double id, uint32_t listener, const sockaddr_in6& peer, uint64_t now_ms) {
    double address = -1;
    double port = 0;
    if (peer.sin6_family == AF_INET) {
      sockaddr_in v4;
      memcpy(&v4, &peer, sizeof(v4));
      address = ntohl(v4.sin_addr.s_addr);
      port = ntohs(v4.sin_port);
    }
    push({EventKind::kAccepted, id, static_cast<double>(listener), address, port}, now_ms);
    urgent_ = true;
  }
  void connected(double id, uint64_t now_ms) {
    push({EventKind::kConnected, id, 0, 0, 0}, now_ms);
  }
  void secured(double id, uint64_t now_ms) {
    push({EventKind::kSecured, id, 0, 0, 0}, now_ms);
    urgent_ = true;
  }
  // By the system's `error`, or by the handshake's `failure`.
  void failed(double id, int error, TlsFailure failure, uint64_t now_ms) {
    push({EventKind::kFailed, id, static_cast<double>(error), static_cast<double>(failure), 0},
         now_ms);
    urgent_ = true;
  }
  void peeked(double id, PeekOutcome outcome, uint64_t now_ms) {
    push({EventKind::kPeeked, id, static_cast<double>(outcome), 0, 0}, now_ms);
    urgent_ = true;
  }
  void accept_failed(uint32_t listener, int error, uint64_t now_ms) {
    push({EventKind::kAcceptFailed, 0, static_cast<double>(listener), static_cast<double>(error), 0},
         now_ms);
  }
  void closed(const Closed& how, uint64_t now_ms) {
    push({EventKind::kClosed, how.id, static_cast<double>(how.reason),
          static_cast<double>(how.rx_bytes), static_cast<double>(how.tx_bytes),
          static_cast<double>(how.tls_failure)},
         now_ms);
  }

 private:
  struct Event {
    EventKind kind;
    double id;
    double a;
    double b;
    double c;
    double d = 0;
  };

  void push(const Event& event, uint64_t now_ms) {
    if (rows_.empty()) since_ms_ = now_ms;
    rows_.push_back(
        {{static_cast<double>(event.kind), event.id, event.a, event.b, event.c, event.d}});
  }

  std::vector<Row> rows_;
  size_t begin_ = 0;
  uint64_t since_ms_ = 0;
  bool urgent_ = false;
};

}  // namespace midstream
