#ifndef MIDSTREAM_BENCH_DATAGRAM_RELAY_H
#define MIDSTREAM_BENCH_DATAGRAM_RELAY_H

/** Where datagrams come in, and where they go. */
struct DatagramRoute {
  int port, targetPort;
  /** A session ends with its first reply. */
  int once;
};

struct DatagramWorker {
  int count;
  const struct DatagramRoute *routes;
};

/** A thread's work, without end; takes a `struct DatagramWorker *`. */
void *relayDatagrams(void *worker);

#endif
