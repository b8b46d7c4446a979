/** The simulated agents of the load check, as a process of their own; speaks to it over IPC. */
import { SimulatedFleet } from "./simulated-fleet.ts";

const [url = "", token = "", nodes = "0"] = process.argv.slice(2);
const fleet = new SimulatedFleet({ url, token, nodes: Number(nodes) });
process.on("disconnect", () => process.exit(0));
process.on("SIGTERM", () => process.exit(0));
await fleet.join();
process.send?.({ type: "ready" });
process.on("message", (asked) => {
  const { type, rev } = Object(asked) as { type: string; rev: number };
  if (type === "connect") void fleet.connect().then((atMs) => process.send?.({ type, atMs }));
  if (type === "serving") {
    void fleet.serving(rev).then((times) => process.send?.({ type, rev, times }));
  }
});
