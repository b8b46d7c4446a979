import { staticSource } from "../../../node-agent/discover/static.ts";
import { sourceContract } from "../../contracts/discovery/source-contract.ts";

sourceContract({
  name: "static",
  emptyAnswer: "accept",
  create: (backends) =>
    Promise.resolve(staticSource({ kind: "static", backends: [...backends] }).fetch),
});
