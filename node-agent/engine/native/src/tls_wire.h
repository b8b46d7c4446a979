#pragma once

#include <memory>

#include "limits.h"
#include "tls_handles.h"

namespace midstream {

class TlsSession;

// What the TLS sessions of one engine share: the buffers that ciphertext passes through, and the
// library's way to them. A buffer belongs to the session that used it last; when another one needs it,
// what is left there moves to its owner's own memory. Most of the time nothing is left.
class TlsWire {
 public:
  TlsWire();

  // A transport for one session. Writing to it always succeeds.
  BioPtr open(TlsSession* session) const;

  // Makes the session the owner of the buffer.
  void claim_input(TlsSession* session);
  void claim_output(TlsSession* session);
  // A session that goes owns nothing any more.
  void forget(const TlsSession* session);

  struct Buffer {
    std::unique_ptr<char[]> bytes;
    size_t begin = 0;
    size_t end = 0;
    TlsSession* owner = nullptr;

    bool empty() const { return begin == end; }
    size_t size() const { return end - begin; }
    const char* data() const { return bytes.get() + begin; }
    void clear() { begin = end = 0; }
  };
  Buffer input;
  Buffer output;
  static constexpr size_t kOutputCapacity =
      limits::kTlsOutputBytes +
      (limits::kTlsOutputBytes / limits::kTlsRecordBytes + 1) * limits::kTlsRecordExtraBytes;
  // Reads of sockets before others get their turn.
  int reads_left = 0;

 private:
  BioMethodPtr method_;
};

}  // namespace midstream
