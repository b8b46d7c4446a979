import { createPortableEngine } from "../../../../node-agent/engine/portable/portable-engine.ts";
import { engineContract } from "../../../contracts/engine/engine-contract.ts";

engineContract({ name: "portable, alone", create: createPortableEngine, engines: 1 });
engineContract({
  name: "portable, three on one address",
  create: createPortableEngine,
  engines: 3,
});
