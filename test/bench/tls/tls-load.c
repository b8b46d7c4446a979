/*
 * TLS clients that do one thing after another: connect, shake hands, ask for a path, read to the end.
 *
 *     tls-load PORT CLIENTS SECONDS PATH RESUMES
 *
 * With RESUMES 1 a client offers the session that it was given last. Prints one line of JSON.
 *
 * It is to cost less than what it measures, so it does not do what only it would gain from: it trusts
 * everybody, and uses a key share and a parsed certificate again. For that it answers calls that libssl
 * makes of libcrypto: link it with -rdynamic. What it sends and awaits is a handshake like any other.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

struct Client {
  pthread_t thread;
  long done, failed, resumed;
  long long bytes;
};

static SSL_CTX *context;
static int port, resumes;
static char request[512];
static double endAt;

/** Instead of libcrypto's: whoever signed it. */
int EVP_DigestVerify(EVP_MD_CTX *verifier, const unsigned char *signature, size_t signatureSize,
                     const unsigned char *data, size_t size) {
  (void)verifier, (void)signature, (void)signatureSize, (void)data, (void)size;
  return 1;
}

/** Instead of libcrypto's: a thread's first key. All that libssl asks for here are key shares of one group. */
int EVP_PKEY_keygen(EVP_PKEY_CTX *maker, EVP_PKEY **key) {
  static __thread EVP_PKEY *kept;
  if (kept == NULL && EVP_PKEY_generate(maker, &kept) != 1) return 0;
  *key = kept;
  return EVP_PKEY_up_ref(kept);
}

/** Instead of libcrypto's: a thread's first certificate. All that it meets show the same one. */
X509 *d2i_X509(X509 **out, const unsigned char **data, long size) {
  static __thread X509 *kept;
  if (kept != NULL) *data += size;
  else kept = (X509 *)ASN1_item_d2i(NULL, data, size, ASN1_ITEM_rptr(X509));
  if (kept == NULL || !X509_up_ref(kept)) return NULL;
  X509_free(*out);
  return *out = kept;
}

static int trustAnybody(X509_STORE_CTX *chain, void *given) {
  (void)chain, (void)given;
  return 1;
}

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec + time.tv_nsec / 1e9;
}

static int dial(void) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
  if (fd < 0) return -1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0) return fd;
  close(fd);
  return -1;
}

/** Whether an answer came. A transfer that is still going on when the time is over counts so far. */
static int ask(struct Client *self, SSL *ssl, char *buffer, size_t size) {
  if (SSL_connect(ssl) != 1) return 0;
  if (SSL_session_reused(ssl)) ++self->resumed;
  if (SSL_write(ssl, request, (int)strlen(request)) <= 0) return 0;
  long long bytes = 0;
  for (int got; (got = SSL_read(ssl, buffer, (int)size)) > 0;) {
    bytes += got;
    if (now() >= endAt) break;
  }
  self->bytes += bytes;
  return bytes > 0;
}

static void *work(void *given) {
  struct Client *self = given;
  SSL_SESSION *session = NULL;
  size_t size = 256 * 1024;
  char *buffer = malloc(size);
  while (now() < endAt) {
    int fd = dial();
    SSL *ssl = SSL_new(context);
    SSL_set_fd(ssl, fd);
    if (session != NULL) SSL_set_session(ssl, session);
    if (fd >= 0 && ask(self, ssl, buffer, size)) ++self->done;
    else ++self->failed;
    if (resumes) {
      SSL_SESSION_free(session);
      session = SSL_get1_session(ssl);
    }
    SSL_shutdown(ssl);
    SSL_free(ssl);
    if (fd >= 0) close(fd);
    ERR_clear_error();
  }
  free(buffer);
  SSL_SESSION_free(session);
  return NULL;
}

int main(int count, char **given) {
  if (count != 6) return 2;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  signal(SIGPIPE, SIG_IGN);
  port = atoi(given[1]);
  int clients = atoi(given[2]);
  double seconds = atof(given[3]);
  snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n", given[4]);
  resumes = atoi(given[5]);
  context = SSL_CTX_new(TLS_client_method());
  SSL_CTX_set_cert_verify_callback(context, trustAnybody, NULL);
  SSL_CTX_set_read_ahead(context, 1);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set1_groups_list(context, "X25519:P-256");
  SSL_CTX_set_options(context, SSL_OP_IGNORE_UNEXPECTED_EOF);
  struct Client *all = calloc((size_t)clients, sizeof(*all));
  double startAt = now();
  endAt = startAt + seconds;
  for (int index = 0; index < clients; ++index) pthread_create(&all[index].thread, NULL, work, &all[index]);
  struct Client sum = {0};
  for (int index = 0; index < clients; ++index) {
    pthread_join(all[index].thread, NULL);
    sum.done += all[index].done;
    sum.failed += all[index].failed;
    sum.resumed += all[index].resumed;
    sum.bytes += all[index].bytes;
  }
  printf("{\"done\":%ld,\"failed\":%ld,\"resumed\":%ld,\"bytes\":%lld,\"seconds\":%f}\n", sum.done, sum.failed,
         sum.resumed, sum.bytes, now() - startAt);
  return 0;
}
