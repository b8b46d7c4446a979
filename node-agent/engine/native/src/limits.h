#pragma once

#include <cstddef>
#include <cstdint>

// Every bound of the native engine, once.
namespace midstream::limits {

// Events taken from the kernel by one wait.
inline constexpr int kEventsPerWait = 256;
// Connections taken from one listener before others get their turn.
inline constexpr int kAcceptsPerTurn = 64;
// Reads of one direction before others get their turn.
inline constexpr int kReadsPerTurn = 16;
// Bytes that one direction splices before others get their turn.
inline constexpr uint64_t kTurnBytes = 2 * 1024 * 1024;
// Directions that wait for another turn hold everybody else up for this long at most.
inline constexpr uint64_t kSweepNs = 2'000'000;
// One read; what the peer does not take at once of it is all that a direction ever holds.
inline constexpr size_t kReadBytes = 64 * 1024;
// A message up to this size may wait for others of the same wake-up, so that they leave together …
inline constexpr size_t kStagedMessageBytes = 4096;
// … in memory of this size.
inline constexpr size_t kStagingBytes = 32 * 1024;
inline constexpr size_t kStagedMax = 64;
// A direction that fills reads of this size twice is moved by splice.
inline constexpr size_t kBulkReadBytes = 32 * 1024;
inline constexpr uint8_t kBulkReads = 2;
// Bytes sent by one call after which the receiver may have the processor.
inline constexpr size_t kYieldBytes = 64 * 1024;
// … unless that takes this long, as when somebody computes there; then it is not tried for a while.
inline constexpr uint64_t kYieldNs = 1'000'000;
inline constexpr uint64_t kYieldPauseNs = 10'000'000;
// Capacity of a splice pipe, and how many idle ones are kept.
inline constexpr int kPipeBytes = 1024 * 1024;
inline constexpr size_t kIdlePipesMax = 16;
// A pipe that the system does not let grow to this is worse than copying; then none is made for a while.
inline constexpr int kPipeBytesMin = 256 * 1024;
inline constexpr uint64_t kPipeRetryMs = 5000;
// Pipes in use at a time; beyond it directions copy.
inline constexpr size_t kPipesMax = 512;
// Slots of connections, and of sessions; an id holds 20 bits of slot.
inline constexpr uint32_t kSlotsMax = 1u << 20;
inline constexpr uint32_t kSlotBits = 20;
inline constexpr uint32_t kListenersMax = 4096;
// Entries of the tables that commands refer to.
inline constexpr uint32_t kTargetsMax = 65536;
inline constexpr uint32_t kTermsMax = 4096;
// First bytes of a client that can be looked at; as many as one read takes.
inline constexpr size_t kPeekBytesMax = kReadBytes;
// Bytes to send to a backend before anything of the client.
inline constexpr size_t kPrefixBytesMax = 64 * 1024;
// Durations from JavaScript; longer ones, and what is none, count as none.
inline constexpr double kMillisecondsMax = 1e12;
// A connection to a backend gets its TCP keep-alive when it has lived this long.
inline constexpr uint64_t kSettleMs = 1000;
// TCP keep-alive begins after this much silence.
inline constexpr int kKeepAliveSeconds = 15;
// Events that are not urgent wait this long for company.
inline constexpr uint64_t kQuietEventMs = 2;
// What is queued when a connection is closed gets this long to leave.
inline constexpr uint64_t kFlushMs = 2000;
// A connecting client's socket is watched for resets after this long.
inline constexpr uint64_t kWatchClientMs = 100;
// An accept that failed for want of descriptors is tried again after this long.
inline constexpr uint64_t kAcceptRetryMs = 200;

// TLS. Ciphertext is read into one buffer of an engine, and written into another: its size decides
// how much leaves with one call.
inline constexpr size_t kTlsInputBytes = 64 * 1024;
inline constexpr size_t kTlsOutputBytes = 256 * 1024;
// The largest record's content, and what a record adds to it at most (RFC 5246, 6.2.3).
inline constexpr size_t kTlsRecordBytes = 16 * 1024;
inline constexpr size_t kTlsRecordExtraBytes = 5 + 2048;
// Ciphertext made for one direction before it is sent: of one that was not blocked lately, up to four
// times as much. What the peer does not take of it waits, and nothing more is read meanwhile.
inline constexpr size_t kTlsBatchBytes = 64 * 1024;
inline constexpr uint8_t kTlsBatchDoublings = 2;
// Ciphertext in answer to a peer that is not taking it; then that peer is not read either.
inline constexpr size_t kTlsQueueBytes = 64 * 1024;
// Bytes that one direction with TLS moves before others get their turn: about half a millisecond.
inline constexpr size_t kTlsTurnBytes = 512 * 1024;
// Handshakes hold established connections up for this long at most, at a wake-up. One always goes on.
inline constexpr uint64_t kHandshakesNs = 1'000'000;
// A client whose handshake failed gets this long to take the alert and to end.
inline constexpr uint64_t kAlertMs = 250;
// Terms of TLS that can be set at a time, and what one may hold.
inline constexpr size_t kTlsTermsMax = 4096;
inline constexpr uint32_t kTlsListMax = 65536;
inline constexpr size_t kTlsTextMax = 4 * 1024 * 1024;
inline constexpr size_t kTicketKeyBytes = 48;
inline constexpr size_t kTicketKeyPartBytes = 16;
// Sessions of TLS to backends that are kept to resume, for each terms.
inline constexpr size_t kBackendSessionsMax = 1024;

// ---- datagrams

// Room for any datagram: its length field has 16 bits.
inline constexpr size_t kDatagramBytes = 64 * 1024;
// Buffers that one look at a listening socket fills, and one look at a session's.
inline constexpr int kDatagramsPerReceive = 64;
inline constexpr int kRepliesPerReceive = 16;
// Looks at one socket before others get their turn.
inline constexpr int kReceivesPerTurn = 4;
// Replies that leave with one call.
inline constexpr size_t kRepliesPerSend = 64;
// Datagrams of one size that the kernel takes as one, and the bytes of all of them.
inline constexpr uint32_t kSegmentsMax = 64;
inline constexpr uint32_t kSegmentedBytesMax = 65'000;
// Datagrams that a session holds until it has a backend; and the bytes of all that are held or queued.
inline constexpr size_t kHeldDatagramsMax = 16;
inline constexpr size_t kHeldBytesMax = 4 * 1024 * 1024;
// What waits for room to send: of one session to its backend, or of one listener to its clients.
inline constexpr size_t kQueuedDatagramsMax = 1024;
inline constexpr size_t kDatagramQueueBytesMax = 256 * 1024;
// What a listening socket asks the system for, each way; a burst is to fit.
inline constexpr int kPortBufferBytes = 4 * 1024 * 1024;
// A client that speaks so long after its first reply is proven; without any, so long after its session began.
inline constexpr uint64_t kProofAfterReplyMs = 250;
inline constexpr uint64_t kProofWithoutReplyMs = 2000;
// A proven client is not evicted while it was silent for less.
inline constexpr uint64_t kEvictSilenceMs = 1000;
// A session that takes no more of its client waits this long for what the backend still says.
inline constexpr uint64_t kLastRepliesMs = 2000;
// A socket that single datagrams are sent from is closed when unused for this long; and how many.
inline constexpr uint64_t kSingleSocketIdleMs = 60'000;
inline constexpr uint32_t kSingleSocketsMax = 1024;
// Numbers in a row of what sessions moved: the id, bytes and datagrams both ways.
inline constexpr size_t kMovedDatagramFields = 5;
// Drops are told at most this often for a listener.
inline constexpr uint64_t kDropsToldMs = 1000;

}  // namespace midstream::limits
