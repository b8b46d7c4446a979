import { staticFetch } from "../../../node-agent/discover/static.ts";
import { sourceContract } from "../../contracts/discovery/source-contract.ts";

sourceContract({
  name: "static",
  create: (backends) => Promise.resolve(staticFetch({ kind: "static", backends: [...backends] })),
});
