#pragma once

#include "events.h"
#include "session.h"

namespace midstream {

// What the engine tells of datagrams; `datagram-rows.ts` reads the same layout.
enum class DatagramEventKind : uint8_t {
  kArrived = 16,
  kFailed = 17,
  kTargetRefused = 18,
  kDropped = 19,
  // Plus the reason, as the row has no room for it.
  kEnded = 32,
};

// What the flow answers; `datagram-rows.ts` writes the same.
enum class DatagramCommandKind : uint8_t { kForward = 16, kRefuse = 17, kEnd = 18, kResolve = 19 };

namespace datagram_rows {

inline double kind(DatagramEventKind value) { return static_cast<double>(value); }

// An IPv4 client's address rides along; of any other, -1, and JavaScript asks.
inline EventQueue::Row arrived(const Session& session, uint32_t listener, uint32_t bytes) {
  const Endpoint& client = session.client;
  const double address = client.is_v4() ? ntohl(unmapped(client.address).s_addr) : -1.0;
  return {{kind(DatagramEventKind::kArrived), Sessions::id_of(session),
           static_cast<double>(listener), address, static_cast<double>(client.port),
           static_cast<double>(bytes)}};
}

inline EventQueue::Row failed(const Session& session, int error) {
  return {{kind(DatagramEventKind::kFailed), Sessions::id_of(session),
           static_cast<double>(error), 0, 0, 0}};
}

inline EventQueue::Row target_refused(uint32_t listener, uint32_t target, uint32_t count) {
  return {{kind(DatagramEventKind::kTargetRefused), static_cast<double>(listener),
           static_cast<double>(target), static_cast<double>(count), 0, 0}};
}

inline EventQueue::Row dropped(uint32_t listener, size_t reason, uint32_t count) {
  return {{kind(DatagramEventKind::kDropped), static_cast<double>(listener),
           static_cast<double>(reason), static_cast<double>(count), 0, 0}};
}

inline EventQueue::Row ended(const Session& session, SessionEnd reason) {
  return {{kind(DatagramEventKind::kEnded) + static_cast<double>(reason),
           Sessions::id_of(session), static_cast<double>(session.rx_bytes),
           static_cast<double>(session.tx_bytes), static_cast<double>(session.rx_datagrams),
           static_cast<double>(session.tx_datagrams)}};
}

}  // namespace datagram_rows

}  // namespace midstream
