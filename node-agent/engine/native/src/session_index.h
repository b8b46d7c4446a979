#pragma once

#include <cstdint>
#include <cstring>
#include <vector>

#include "session.h"
#include "sip_hash.h"

namespace midstream {

// Who a datagram is from: the client, the address it came to, and the port it came in at.
struct SessionKey {
  Endpoint client;
  in6_addr local{};
  uint32_t port = 0;
};

// Sessions by key: a hash table of slots, chained through the sessions, with a keyed hash.
class SessionIndex {
 public:
  explicit SessionIndex(Sessions& sessions) : sessions_(sessions) {}

  bool empty() const { return count_ == 0; }

  Session* find(const SessionKey& key) {
    if (count_ == 0) return nullptr;
    for (uint32_t slot = heads_[bucket_of(key)]; slot != UINT32_MAX;) {
      Session& session = sessions_.at(slot);
      if (is(session, key)) return &session;
      slot = session.index_next;
    }
    return nullptr;
  }

  void insert(Session& session) {
    if (count_ >= heads_.size()) grow();
    link(session);
    session.indexed = true;
    ++count_;
  }

  void remove(Session& session) {
    if (!session.indexed) return;
    uint32_t* link = &heads_[bucket_of(key_of(session))];
    while (*link != session.slot) link = &sessions_.at(*link).index_next;
    *link = session.index_next;
    session.index_next = UINT32_MAX;
    session.indexed = false;
    --count_;
  }

 private:
  static constexpr size_t kBucketsMin = 1024;

  static SessionKey key_of(const Session& session) {
    return {session.client, session.local, session.port};
  }

  static bool is(const Session& session, const SessionKey& key) {
    return session.client.port == key.client.port && session.port == key.port &&
           same_address(session.client.address, key.client.address) &&
           session.client.scope == key.client.scope && same_address(session.local, key.local);
  }

  size_t bucket_of(const SessionKey& key) const {
    uint64_t words[6];
    memcpy(words, &key.client.address, 16);
    memcpy(words + 2, &key.local, 16);
    words[4] = (static_cast<uint64_t>(key.client.scope) << 16) | key.client.port;
    words[5] = key.port;
    return hash_(words) & (heads_.size() - 1);
  }

  void link(Session& session) {
    uint32_t& head = heads_[bucket_of(key_of(session))];
    session.index_next = head;
    head = session.slot;
  }

  void grow() {
    std::vector<uint32_t> slots;
    slots.reserve(count_);
    for (const uint32_t head : heads_) {
      for (uint32_t slot = head; slot != UINT32_MAX; slot = sessions_.at(slot).index_next) {
        slots.push_back(slot);
      }
    }
    heads_.assign(heads_.empty() ? kBucketsMin : heads_.size() * 2, UINT32_MAX);
    for (const uint32_t slot : slots) link(sessions_.at(slot));
  }

  Sessions& sessions_;
  SipHash hash_;
  std::vector<uint32_t> heads_;
  size_t count_ = 0;
};

}  // namespace midstream
