import { createPortableEngine } from "../../../../node-agent/engine/portable/portable-engine.ts";
import { engineContract } from "../../../contracts/engine/engine-contract.ts";

engineContract({
  name: "portable, three on one address",
  driver: "portable",
  create: createPortableEngine,
  engines: 3,
});
