// TLS over one socket: what the library asks for, and what becomes of its answers.

#include "tls_session.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace midstream {

void TlsSessionDeleter::operator()(TlsSession* session) const { delete session; }

TlsSessionPtr TlsSession::begin(TlsWire& wire, Side& side, std::shared_ptr<ClientTls> terms) {
  const ErrorScope errors;
  TlsSessionPtr session(new TlsSession(wire, side));
  SslPtr ssl = terms->begin();
  if (ssl == nullptr) return nullptr;
  SSL_set_accept_state(ssl.get());
  session->client_ = std::move(terms);
  return session->attach(std::move(ssl)) ? std::move(session) : nullptr;
}

TlsSessionPtr TlsSession::begin(TlsWire& wire, Side& side, std::shared_ptr<BackendTls> terms,
                                const DialTls& dial, const std::string& target) {
  const ErrorScope errors;
  TlsSessionPtr session(new TlsSession(wire, side));
  SslPtr ssl = terms->begin(dial);
  if (ssl == nullptr) return nullptr;
  SSL_set_connect_state(ssl.get());
  session->seat_ = terms->seat_of(target, dial);
  if (session->seat_ != nullptr && session->seat_->session != nullptr) {
    // Without it the handshake is a full one.
    (void)SSL_set_session(ssl.get(), session->seat_->session.get());
  }
  session->backend_ = std::move(terms);
  return session->attach(std::move(ssl)) ? std::move(session) : nullptr;
}

bool TlsSession::attach(SslPtr ssl) {
  BioPtr transport = wire_.open(this);
  if (transport == nullptr || SSL_set_app_data(ssl.get(), this) != 1) return false;
  // For both ways; the library owns it from now on.
  BIO* bio = transport.release();
  SSL_set_bio(ssl.get(), bio, bio);
  ssl_ = std::move(ssl);
  return true;
}

TlsSession::~TlsSession() {
  wire_.forget(this);
  const ErrorScope errors;
  ssl_.reset();
}

TlsSession::Status TlsSession::shake() {
  const ErrorScope errors;
  const Status status = status_of(SSL_do_handshake(ssl_.get()));
  is_secured_ = status == Status::kDone;
  if (status != Status::kEnded) return status;
  failure_ = TlsFailure::kEnded;
  return Status::kFailed;
}

TlsSession::Status TlsSession::read(char* out, size_t size, size_t* got) {
  const ErrorScope errors;
  *got = 0;
  is_reading_ = true;
  const Status status = read_records(out, size, got);
  is_reading_ = false;
  return status;
}

TlsSession::Status TlsSession::read_records(char* out, size_t size, size_t* got) {
  while (size - *got >= limits::kTlsRecordBytes) {
    size_t opened = 0;
    const int result = SSL_read_ex(ssl_.get(), out + *got, size - *got, &opened);
    if (result != 1) return status_of(result);
    *got += opened;
    // Without this the library would be asked once more to find out.
    if (!has_input()) return Status::kBlocked;
  }
  return Status::kDone;
}

bool TlsSession::write(const char* data, size_t size) {
  const ErrorScope errors;
  size_t sealed = 0;
  if (SSL_write_ex(ssl_.get(), data, size, &sealed) != 1 || sealed != size) return false;
  plain_queued_ += size;
  return true;
}

void TlsSession::say_end() {
  if (end_said_ || !is_secured_) return;
  end_said_ = true;
  const ErrorScope errors;
  // What the peer says afterwards is still read.
  (void)SSL_shutdown(ssl_.get());
}

TlsSession::Status TlsSession::status_of(int result) {
  if (result == 1) return Status::kDone;
  switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_WANT_READ:
      return Status::kBlocked;
    case SSL_ERROR_ZERO_RETURN:
      return Status::kEnded;
    default:
      break;
  }
  if (is_broken_) {
    failure_ = TlsFailure::kEnded;
    return Status::kBroken;
  }
  failure_ = failure_of(ssl_.get());
  const bool is_odd = failure_ == TlsFailure::kProtocol || failure_ == TlsFailure::kNoSharedVersion;
  if (is_odd && has_heard_ && !sounds_like_tls_) failure_ = TlsFailure::kNotTls;
  if (is_ended_ && failure_ == TlsFailure::kProtocol) failure_ = TlsFailure::kEnded;
  return Status::kFailed;
}

bool TlsSession::has_input() const {
  if (answers_queued_ > limits::kTlsQueueBytes) return false;
  return side_.readable || !input_.empty() || (wire_.input.owner == this && !wire_.input.empty());
}

bool TlsSession::has_early_request() const {
  const bool is_here = !input_.empty() || (wire_.input.owner == this && !wire_.input.empty());
  return is_here && SSL_version(ssl_.get()) == TLS1_3_VERSION;
}

size_t TlsSession::take(char* out, size_t size) {
  if (!input_.empty()) {
    const size_t count = std::min(size, input_.size());
    memcpy(out, input_.data(), count);
    input_.consume(count);
    return count;
  }
  const bool is_here = wire_.input.owner == this && !wire_.input.empty();
  if (!is_here && !receive()) return 0;
  const size_t count = std::min(size, wire_.input.size());
  memcpy(out, wire_.input.data(), count);
  wire_.input.begin += count;
  return count;
}

// One read of the socket; whether it brought something.
bool TlsSession::receive() {
  if (!side_.readable || !is_open() || wire_.reads_left <= 0) return false;
  wire_.claim_input(this);
  wire_.input.clear();
  --wire_.reads_left;
  ssize_t got = 0;
  do {
    got = recv(side_.fd.get(), wire_.input.bytes.get(), limits::kTlsInputBytes, 0);
  } while (got < 0 && errno == EINTR);
  if (got <= 0) {
    const bool is_dry = got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
    is_broken_ = got < 0 && !is_dry;
    is_ended_ = got == 0;
    // With an end there is something to hear: that it has come.
    side_.readable = is_ended_;
    if (is_dry) side_.read_to_end = false;
    return false;
  }
  wire_.input.end = static_cast<size_t>(got);
  // A short read drained the socket, unless an end or an error was announced: then reading goes on.
  const bool is_short = wire_.input.end < limits::kTlsInputBytes;
  const bool goes_on = side_.read_to_end || side_.reads_in_parts || side_.hung_up;
  if (is_short && !goes_on) side_.readable = false;
  if (!has_heard_) note_first_bytes();
  return true;
}

// The first record's type and version (RFC 8446, 5.1).
void TlsSession::note_first_bytes() {
  const char* first = wire_.input.data();
  has_heard_ = true;
  sounds_like_tls_ = first[0] >= 20 && first[0] <= 23 && (wire_.input.size() < 2 || first[1] == 3);
}

void TlsSession::append(const char* data, size_t size) {
  if (is_reading_) answers_queued_ += size;
  if (queue_.empty()) {
    wire_.claim_output(this);
    TlsWire::Buffer& output = wire_.output;
    if (output.end + size <= TlsWire::kOutputCapacity) {
      memcpy(output.bytes.get() + output.end, data, size);
      output.end += size;
      return;
    }
    keep_output();
  }
  queue_.append(data, size);
}

void TlsSession::keep_input() {
  if (!wire_.input.empty()) input_.append(wire_.input.data(), wire_.input.size());
  wire_.input.clear();
}

void TlsSession::keep_output() {
  if (!wire_.output.empty()) queue_.append(wire_.output.data(), wire_.output.size());
  wire_.output.clear();
}

void TlsSession::drop_output() {
  queue_.clear();
  if (owns_output()) wire_.output.clear();
  plain_queued_ = 0;
}

TlsSession::Sent TlsSession::send(size_t* moved, int flags) {
  *moved = 0;
  for (size_t waiting = queued(); waiting > 0; waiting = queued()) {
    if (!side_.writable) break;
    const bool is_kept = !queue_.empty();
    const char* data = is_kept ? queue_.data() : wire_.output.data();
    const size_t size = is_kept ? queue_.size() : wire_.output.size();
    const ssize_t sent = ::send(side_.fd.get(), data, size, flags | MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
      side_.writable = false;
      break;
    }
    if (sent < 0) return Sent::kRefused;
    const auto count = static_cast<size_t>(sent);
    if (is_kept) {
      queue_.consume(count);
    } else {
      wire_.output.begin += count;
      if (wire_.output.empty()) wire_.output.clear();
    }
    // What was sealed together counts in proportion, until all of it is gone.
    const size_t plain = count == waiting ? plain_queued_ : plain_queued_ * count / waiting;
    plain_queued_ -= plain;
    *moved += plain;
  }
  if (queued() > 0) return Sent::kBlocked;
  answers_queued_ = 0;
  return Sent::kAll;
}

}  // namespace midstream
