#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "datagram_address.h"
#include "linked_list.h"
#include "slots.h"
#include "socket_address.h"
#include "unique_fd.h"

namespace midstream {

// Why a session ended; the order is that of `sessionEndReasons` in datagrams.ts.
enum class SessionEnd : uint8_t {
  kClientIdle,
  kBackendIdle,
  kRequestsDone,
  kResponsesDone,
  kBackendRefused,
  kBackendLost,
  kEvicted,
  kRemoved,
  kDrained,
  kStopped,
  kAccessDenied,
  kCount,
};

// Why datagrams did not arrive; the order is that of `datagramDropReasons` in datagrams.ts.
enum class Drop : uint8_t { kHeldFull, kSendFull, kTooLarge, kSealed, kSendFailed, kCount };

// How long a session lives, and where it sends from.
struct SessionTerms {
  uint32_t client_idle_ms = 0;
  uint32_t backend_idle_ms = 0;
  // 0: without limit.
  uint32_t max_requests = 0;
  uint32_t max_responses = 0;
  bool two_way = true;
  // The address towards backends, with port 0; its length is 0 where the system chooses.
  SocketAddress source;
};

// Datagrams in memory of their own, oldest first: they wait for an answer, or for room in a send
// buffer.
struct HeldDatagrams {
  std::vector<std::string> list;
  size_t bytes = 0;
};

// A reply on its way to a client.
struct ReplyTo {
  Endpoint client;
  // The address that it comes from; unspecified leaves it to the system.
  in6_addr local{};
  double session = 0;
};

struct HeldReply {
  ReplyTo to;
  std::string bytes;
};

// What a listener receives at, and the sessions that came in there. It lives on after it was unbound
// while sessions still answer from its address.
struct Port {
  UniqueFd fd;
  int family = 0;
  uint32_t listener = 0;
  uint32_t slot = 0;
  uint32_t generation = 0;
  uint32_t sessions = 0;
  // Sessions that await an answer; and those that have one, of clients that nothing speaks for yet, and
  // of proven ones: whoever was silent longest comes first.
  LinkedList asked;
  LinkedList unproven;
  LinkedList proven;
  // Replies that the send buffer did not take.
  std::vector<HeldReply> replies;
  size_t reply_bytes = 0;
  uint32_t dropped[static_cast<size_t>(Drop::kCount)] = {};
  uint64_t dropped_told_ms = 0;
  // Bound to all addresses: where a datagram came to is told by the kernel.
  bool wildcard = false;
  bool single = false;
  bool transparent = false;
  bool sealed = false;
  bool bound = false;
  bool in_use = false;
  bool out_watched = false;
  bool listed_as_ready = false;
  bool listed_as_dropping = false;

  bool is_free() const { return !in_use; }
};

enum class SessionState : uint8_t {
  kFree,
  // Its client has spoken; the flow has not answered yet, or what it said failed.
  kAsked,
  // It has an answer, whose name is being looked up.
  kResolving,
  kForwarded,
};

// One client, and once forwarded the socket that is connected to its backend.
struct Session {
  Endpoint client;
  // Where its datagrams come to; unspecified unless the port is bound to all addresses.
  in6_addr local{};
  uint64_t client_heard_ms = 0;
  uint64_t backend_heard_ms = 0;
  // A client that is heard from now on is proven.
  uint64_t proof_ms = UINT64_MAX;
  uint64_t deadline_ms = 0;
  uint64_t rx_bytes = 0;
  uint64_t tx_bytes = 0;
  uint64_t rx_datagrams = 0;
  uint64_t tx_datagrams = 0;
  std::unique_ptr<HeldDatagrams> held;
  UniqueFd fd;
  uint32_t client_idle_ms = 0;
  uint32_t backend_idle_ms = 0;
  // Datagrams that may still go each way; UINT32_MAX: without limit.
  uint32_t requests_left = UINT32_MAX;
  uint32_t responses_left = UINT32_MAX;
  uint32_t slot = 0;
  uint32_t generation = 0;
  uint32_t port = 0;
  uint32_t index_next = UINT32_MAX;
  uint32_t list_previous = UINT32_MAX;
  uint32_t list_next = UINT32_MAX;
  uint32_t timer_next = UINT32_MAX;
  uint32_t timer_previous = UINT32_MAX;
  uint32_t timer_bucket = UINT32_MAX;
  // Its datagrams in the batch that is being handled.
  uint32_t first_span = UINT32_MAX;
  uint32_t last_span = UINT32_MAX;
  SessionState state = SessionState::kFree;
  bool single = false;
  bool indexed = false;
  bool two_way = true;
  // It takes no more of its client; replies still come back.
  bool finishing = false;
  bool proven = false;
  // Several datagrams in one call: until the path says that it cannot.
  bool gso_to_backend = true;
  bool gso_to_client = true;
  bool out_watched = false;
  bool listed_as_moved = false;
  bool listed_as_ready = false;

  bool is_free() const { return state == SessionState::kFree; }
};

using Sessions = SlotTable<Session>;
using Ports = SlotTable<Port>;

}  // namespace midstream
