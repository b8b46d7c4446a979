// The library's transport: it reads and writes the memory of a session, never a socket by itself.

#include "tls_wire.h"

#include "tls_session.h"

namespace midstream {

namespace {

TlsSession& session_of(BIO* bio) { return *static_cast<TlsSession*>(BIO_get_data(bio)); }

int write_wire(BIO* bio, const char* data, size_t size, size_t* written) {
  session_of(bio).append(data, size);
  *written = size;
  return 1;
}

int read_wire(BIO* bio, char* data, size_t size, size_t* got) {
  BIO_clear_retry_flags(bio);
  *got = session_of(bio).take(data, size);
  if (*got > 0) return 1;
  if (session_of(bio).is_open()) BIO_set_retry_read(bio);
  return 0;
}

long control_wire(BIO* bio, int command, long, void*) {
  if (command == BIO_CTRL_FLUSH) return 1;
  if (command == BIO_CTRL_EOF) return session_of(bio).is_ended() ? 1 : 0;
  return 0;
}

}  // namespace

TlsWire::TlsWire() : method_(BIO_meth_new(BIO_TYPE_SOURCE_SINK, "midstream")) {
  input.bytes = std::make_unique<char[]>(limits::kTlsInputBytes);
  output.bytes = std::make_unique<char[]>(kOutputCapacity);
  if (method_ == nullptr) return;
  BIO_meth_set_write_ex(method_.get(), write_wire);
  BIO_meth_set_read_ex(method_.get(), read_wire);
  BIO_meth_set_ctrl(method_.get(), control_wire);
}

BioPtr TlsWire::open(TlsSession* session) const {
  BioPtr bio(method_ == nullptr ? nullptr : BIO_new(method_.get()));
  if (bio == nullptr) return bio;
  BIO_set_data(bio.get(), session);
  BIO_set_init(bio.get(), 1);
  return bio;
}

void TlsWire::claim_input(TlsSession* session) {
  if (input.owner != nullptr && input.owner != session) input.owner->keep_input();
  input.owner = session;
}

void TlsWire::claim_output(TlsSession* session) {
  if (output.owner != nullptr && output.owner != session) output.owner->keep_output();
  output.owner = session;
}

void TlsWire::forget(const TlsSession* session) {
  for (Buffer* buffer : {&input, &output}) {
    if (buffer->owner != session) continue;
    buffer->owner = nullptr;
    buffer->clear();
  }
}

}  // namespace midstream
