#pragma once

#include <memory>
#include <string>

#include "byte_queue.h"
#include "connection.h"
#include "tls_context.h"
#include "tls_failure.h"
#include "tls_handles.h"
#include "tls_wire.h"

namespace midstream {

// TLS over one side's socket. The socket is read when the library asks for more; what it wants to say
// waits until `send`.
class TlsSession {
 public:
  enum class Status {
    kDone,
    // More has to arrive first, or somebody else has to have a turn: `has_input` tells.
    kBlocked,
    // The peer has ended its stream.
    kEnded,
    // The socket is broken.
    kBroken,
    // The peer does what TLS forbids, or refuses: `failure` tells why.
    kFailed,
  };
  enum class Sent { kAll, kBlocked, kRefused };

  // Null when there is no memory for it. The terms live as long as the session.
  static TlsSessionPtr begin(TlsWire& wire, Side& side, std::shared_ptr<ClientTls> terms);
  static TlsSessionPtr begin(TlsWire& wire, Side& side, std::shared_ptr<BackendTls> terms,
                             const DialTls& dial, const std::string& target);
  ~TlsSession();
  TlsSession(const TlsSession&) = delete;
  TlsSession& operator=(const TlsSession&) = delete;

  // Goes on with the handshake.
  Status shake();
  bool is_secured() const { return is_secured_; }
  TlsFailure failure() const { return failure_; }

  // Opens records into `out`, as many as fit: `size` is at least `kTlsRecordBytes`, so that the library
  // never holds half of one back. Bytes may have come whatever the status is.
  Status read(char* out, size_t size, size_t* got);
  // Seals all of it; false when the library refuses.
  bool write(const char* data, size_t size);
  // In clear, before everything that is sealed.
  void write_in_clear(const char* data, size_t size) { append(data, size); }
  // Seals the end of our stream, once.
  void say_end();
  bool has_said_end() const { return end_said_; }

  // Sends what is queued. `moved` is how much of what was given to `write` has been taken by it, and
  // `flags` are those of the system's call.
  Sent send(size_t* moved, int flags = 0);
  size_t queued() const { return queue_.size() + (owns_output() ? wire_.output.size() : 0); }
  // Of what is queued, so many bytes were given to `write`.
  size_t plain_queued() const { return plain_queued_; }
  void drop_output();
  // Whether `read` could have something, of what has arrived here. A peer that does not take what the
  // library answers it by itself is not read.
  bool has_input() const;
  // Whether a client of TLS 1.3 has said more than its handshake, in what has been read.
  bool has_early_request() const;

  ClientTls* client_terms() const { return client_.get(); }
  BackendTls* backend_terms() const { return backend_.get(); }
  BackendSessions::Seat* seat() const { return seat_.get(); }
  const SSL* ssl() const { return ssl_.get(); }

  // What the transport does.
  void append(const char* data, size_t size);
  size_t take(char* out, size_t size);
  // Whether more may arrive; when not, whether that was the peer's wish.
  bool is_open() const { return !is_ended_ && !is_broken_; }
  bool is_ended() const { return is_ended_; }
  void keep_input();
  void keep_output();

 private:
  TlsSession(TlsWire& wire, Side& side) : wire_(wire), side_(side) {}
  // Ties the library's object to this one.
  bool attach(SslPtr ssl);
  Status read_records(char* out, size_t size, size_t* got);
  bool receive();
  Status status_of(int result);
  void note_first_bytes();
  bool owns_output() const { return wire_.output.owner == this; }

  TlsWire& wire_;
  Side& side_;
  std::shared_ptr<ClientTls> client_;
  std::shared_ptr<BackendTls> backend_;
  std::shared_ptr<BackendSessions::Seat> seat_;
  SslPtr ssl_;
  // Ciphertext that was read and not opened, and that was sealed and not sent.
  ByteQueue input_;
  ByteQueue queue_;
  size_t plain_queued_ = 0;
  // … and so many, at least, were said while reading: answers to requests for new keys, say.
  size_t answers_queued_ = 0;
  bool is_reading_ = false;
  TlsFailure failure_ = TlsFailure::kNone;
  bool is_secured_ = false;
  bool is_ended_ = false;
  bool is_broken_ = false;
  bool end_said_ = false;
  bool has_heard_ = false;
  bool sounds_like_tls_ = false;
};

}  // namespace midstream
