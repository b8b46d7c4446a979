import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";

import { onTestFinished } from "vitest";

/**
 * A client for what Node's sockets cannot send: TCP's urgent data, and descriptors over a Unix
 * socket. Python does it, one line of orders at a time.
 */
export interface RawClient {
  send(text: string): void;
  /** As urgent data: `text` is one byte. */
  sendUrgent(text: string): void;
  /** Together with a descriptor. */
  sendWithDescriptor(text: string): void;
  finish(): void;
}

const program = `
import json, socket, sys
where = json.loads(sys.argv[1])
if isinstance(where, str):
    client = socket.socket(socket.AF_UNIX)
    client.connect(where)
else:
    client = socket.create_connection(("127.0.0.1", where))
for line in sys.stdin:
    order, text = json.loads(line)
    data = text.encode()
    if order == "send": client.sendall(data)
    elif order == "urgent": client.send(data, socket.MSG_OOB)
    elif order == "descriptor": socket.send_fds(client, [data], [0])
    elif order == "finish": client.shutdown(socket.SHUT_WR)
`;

/** Whether this host can run one. */
export function hasRawClient(): boolean {
  return spawnSync("python3", ["-c", "import socket; socket.send_fds"]).status === 0;
}

/** Connects to a port on loopback, or to a Unix socket; gone at the end of the test. */
export function openRawClient(target: number | string): RawClient {
  const child = spawn("python3", ["-c", program, JSON.stringify(target)], {
    stdio: ["pipe", "ignore", "inherit"],
  });
  const exited = once(child, "exit");
  onTestFinished(async () => {
    child.kill();
    await exited;
  });
  child.stdin.on("error", () => undefined);
  const order = (name: string, text = ""): void => {
    child.stdin.write(`${JSON.stringify([name, text])}\n`);
  };
  return {
    send: (text) => order("send", text),
    sendUrgent: (text) => order("urgent", text),
    sendWithDescriptor: (text) => order("descriptor", text),
    finish: () => order("finish"),
  };
}
