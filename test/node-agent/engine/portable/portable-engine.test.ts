import { createPortableEngine } from "../../../../node-agent/engine/portable/portable-engine.ts";
import { engineContract } from "../../../contracts/engine/engine-contract.ts";

engineContract({
  name: "portable, alone",
  driver: "portable",
  create: createPortableEngine,
  engines: 1,
});
