import { pingProbe } from "../../../node-agent/health/ping.ts";
import { probeContract } from "../../contracts/health/probe-contract.ts";
import { silent } from "../../support/fake-backend.ts";

probeContract({ name: "ping", create: pingProbe, healthy: silent });
