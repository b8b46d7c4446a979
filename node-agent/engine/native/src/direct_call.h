// Reading and sending a stream's bytes without libc's bookkeeping for the cancellation of threads,
// which a process with more than one thread pays for at every call and which nobody uses here.

#pragma once

#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace midstream {

// Under AddressSanitizer libc's own, which it watches.
#if defined(__SANITIZE_ADDRESS__)
inline ssize_t receive(int fd, void* data, size_t size) { return recv(fd, data, size, 0); }
inline ssize_t transmit(int fd, const void* data, size_t size, int flags = 0) {
  return send(fd, data, size, MSG_NOSIGNAL | flags);
}
#else
inline ssize_t receive(int fd, void* data, size_t size) {
  return syscall(SYS_recvfrom, fd, data, size, 0, nullptr, nullptr);
}
inline ssize_t transmit(int fd, const void* data, size_t size, int flags = 0) {
  return syscall(SYS_sendto, fd, data, size, MSG_NOSIGNAL | flags, nullptr, 0);
}
#endif

}  // namespace midstream
