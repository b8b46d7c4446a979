/** What one pull hands on. */
const chunkBytes = 64 * 1024;

/**
 * Bytes as a stream that copies nothing and runs no further ahead than its reader. A Response made
 * of the bytes themselves would copy them, for every request.
 */
export function streamed(pieces: readonly Uint8Array[]): ReadableStream<Uint8Array> {
  const chunks = chunksOf(pieces);
  return new ReadableStream({
    pull(controller) {
      const next = chunks.next();
      if (next.done === true) controller.close();
      else controller.enqueue(next.value);
    },
  });
}

function* chunksOf(pieces: readonly Uint8Array[]): Generator<Uint8Array> {
  for (const piece of pieces) {
    for (let at = 0; at < piece.length; at += chunkBytes) {
      yield piece.subarray(at, at + chunkBytes);
    }
  }
}
