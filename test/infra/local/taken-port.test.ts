import { once } from "node:events";
import { createServer } from "node:net";

import { expect, onTestFinished, test } from "vitest";

import { checkPorts } from "../../../infra/local/taken-port.ts";
import { freePort } from "../../support/free-port.ts";

test("a taken port is named, with its purpose and what to type for another", async () => {
  const port = await takenPort();
  const check = checkPorts([{ purpose: "the demo balancer", port, flag: "--demo-port" }]);
  await expect(check).rejects.toMatchObject({
    code: "local/port-taken",
    message:
      `127.0.0.1:${port}, for the demo balancer, is taken. ` +
      `Choose another: npm start -- --demo-port ${port + 1}`,
  });
});

test("of two taken ports both are named at once", async () => {
  const [port, demoPort] = [await takenPort(), await takenPort()];
  const check = checkPorts([
    { purpose: "the control plane", port, flag: "--port" },
    { purpose: "the demo balancer", port: demoPort, flag: "--demo-port" },
  ]);
  await expect(check).rejects.toThrow(
    `127.0.0.1:${port}, for the control plane, is taken. ` +
      `127.0.0.1:${demoPort}, for the demo balancer, is taken. ` +
      `Choose another: npm start -- --port ${port + 1} --demo-port ${demoPort + 1}`,
  );
});

test("a port whose holders share it (SO_REUSEPORT) is taken as well", async () => {
  const holder = createServer();
  onTestFinished(() => void holder.close());
  const port = await freePort();
  holder.listen({ port, host: "127.0.0.1", reusePort: true });
  await once(holder, "listening");
  const check = checkPorts([{ purpose: "the control plane", port, flag: "--port" }]);
  await expect(check).rejects.toMatchObject({ code: "local/port-taken" });
});

test("a free port passes, and is free afterwards", async () => {
  const port = await freePort();
  const wanted = { purpose: "the control plane", port, flag: "--port" } as const;
  await checkPorts([wanted]);
  await checkPorts([wanted]);
});

/** Somebody listens there until the test ends. */
async function takenPort(): Promise<number> {
  const holder = createServer();
  onTestFinished(() => void holder.close());
  const port = await freePort();
  holder.listen(port, "127.0.0.1");
  await once(holder, "listening");
  return port;
}
