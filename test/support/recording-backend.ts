import { eventually } from "./eventually.ts";
import { startBackend, type FakeBackend, type FakeBackendOptions } from "./fake-backend.ts";

/** A backend, and what each of its clients has sent, in the order in which they came. */
export interface RecordingBackend {
  readonly backend: FakeBackend;
  readonly clients: readonly Buffer[];
  /** What one of them has sent, once that is at least so many bytes. */
  receives(bytes: number, client?: number): Promise<Buffer>;
}

/** Keeps what it gets, and answers `got` to whoever ends. */
export async function startRecording(options: FakeBackendOptions = {}): Promise<RecordingBackend> {
  const clients: Buffer[] = [];
  const backend = await startBackend((socket) => {
    const place = clients.push(Buffer.alloc(0)) - 1;
    socket.on("data", (chunk: Buffer) => {
      clients[place] = Buffer.concat([clients[place] ?? Buffer.alloc(0), chunk]);
    });
    socket.on("end", () => socket.end("got"));
  }, options);
  const receives = async (bytes: number, client = 0): Promise<Buffer> => {
    await eventually(() => (clients[client]?.length ?? 0) >= bytes);
    return clients[client] ?? Buffer.alloc(0);
  };
  return { backend, clients, receives };
}
