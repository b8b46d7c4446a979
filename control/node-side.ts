import type { Hono } from "hono";

import type { Clock } from "#shared/base/clock.ts";
import type { IdSource } from "#shared/base/ids.ts";
import type { Lifetime } from "#shared/base/lifetime.ts";
import {
  joinBurstMax,
  joinsPerSecondMax,
  linkAttemptBurstMax,
  linkAttemptsPerSecondMax,
} from "#shared/base/limits.ts";

import { createIngest } from "./aggregate/ingest.ts";
import { startRetention } from "./aggregate/retention.ts";
import { sealForNode } from "./certificates/node-sealing.ts";
import type { Sealer } from "./certificates/sealer.ts";
import type { Signing } from "./certificates/signing.ts";
import { clientAddressOf } from "./client-address.ts";
import { createFlipLog } from "./flip-log.ts";
import type { BodyEnv } from "./http/env.ts";
import { agentRoutes } from "./http/node/routes.ts";
import type { Log } from "./log.ts";
import { createAnswerWriter } from "./node-link/answer-writer.ts";
import { authenticateNode } from "./node-link/authenticate-node.ts";
import { createFindNode } from "./node-link/find-node.ts";
import { createNodeLinks, type NodeLinks } from "./node-link/node-links.ts";
import type { NodeStore } from "./node-link/node-store.ts";
import { StatusWriter } from "./node-link/status-writer.ts";
import { createPublisher, type Publisher } from "./publish/publisher.ts";
import { RateLimiter } from "./rate-limiter.ts";
import type { Database } from "./storage/database.ts";
import { redeemJoinToken } from "./storage/queries/node-join.ts";
import { retireLeavingNode } from "./storage/queries/node-leave.ts";
import { claimLinks, endedLinks, nodesById } from "./storage/queries/node-links.ts";
import { writeNodes } from "./storage/queries/node-status.ts";
import { answerQuestions, askedQuestions, openQuestions } from "./storage/queries/questions.ts";

export interface NodeSideDeps {
  readonly database: Database;
  readonly signing: Signing;
  readonly sealer: Sealer;
  readonly clock: Clock;
  readonly random: () => number;
  readonly ids: IdSource;
  readonly log: Log;
  /** Names this process among the instances of one control plane. */
  readonly instance: string;
  /** Whether to listen for commits; without it the sweep finds them. */
  readonly doorbell: boolean;
  /** Peers, as CIDR, whose `X-Forwarded-For` is believed. */
  readonly trustedProxies: readonly string[];
}

/** Everything that nodes talk to. */
export interface NodeSide {
  /** Takes upgrades of the HTTP server. */
  readonly links: NodeLinks;
  /** What agents call over HTTP. */
  readonly agentCalls: Hono<BodyEnv>;
}

/**
 * Starts what serves the nodes: publishing, their links, their reports. All of it is owned by
 * `life`: links end first, then what they said is written.
 */
export function startNodeSide(deps: NodeSideDeps, life: Lifetime): NodeSide {
  const { database, clock, log } = deps;
  const status = life.own(
    new StatusWriter({
      ...deps,
      write: (writes) => database.asSystem((tx) => writeNodes(tx, writes)),
    }),
  );
  const ingest = life.own(createIngest(deps));
  life.own(startRetention(deps));
  const publisher = life.own(startPublisher(deps));
  const store = nodeStore(database);
  const attempts = new RateLimiter(clock, attemptRate);
  const links = life.own(
    createNodeLinks({
      ...{ publisher, status, store, attempts, clock, log },
      addressOf: clientAddressOf(deps.trustedProxies),
      takeReport: (node, report, clockOffsetMs) => ingest.take(node, report, clockOffsetMs),
      answered: createAnswerWriter({ store, trouble: createFlipLog(log, "link-store") }),
      signer: deps.signing.signer,
      random: deps.random,
      randomBytes: deps.ids.randomBytes,
    }),
  );
  return { links, agentCalls: agentCallsOf(deps, { publisher, store, attempts }) };
}

const attemptRate = {
  name: "attempts",
  burst: linkAttemptBurstMax,
  perSecond: linkAttemptsPerSecondMax,
};

function startPublisher(deps: NodeSideDeps): Publisher {
  const { database, sealer } = deps;
  const { signer } = deps.signing;
  return createPublisher({
    ...deps,
    signer,
    sealForNode: (tenantId, recipient, ids) =>
      sealForNode({ database, sealer, signer }, { tenantId, ...recipient }, ids),
  });
}

function nodeStore(database: Database): NodeStore {
  return {
    nodesById: (ids) => database.asSystem((tx) => nodesById(tx, ids)),
    claimLinks: (claims, bootsMax) => database.asSystem((tx) => claimLinks(tx, claims, bootsMax)),
    endedLinks: (held) => database.asSystem((tx) => endedLinks(tx, held)),
    openQuestions: (rowsMax) => database.asSystem((tx) => openQuestions(tx, rowsMax)),
    askedQuestions: (ids) => database.asSystem((tx) => askedQuestions(tx, ids)),
    answerQuestions: (answers) => database.asSystem((tx) => answerQuestions(tx, answers)),
  };
}

interface ForAgents {
  readonly publisher: Publisher;
  readonly store: NodeStore;
  readonly attempts: RateLimiter;
}

function agentCallsOf(
  deps: NodeSideDeps,
  { publisher, store, attempts }: ForAgents,
): Hono<BodyEnv> {
  const { clock, database, ids, doorbell } = deps;
  const findNode = createFindNode(store);
  return agentRoutes({
    clock,
    ids,
    signingKeys: deps.signing.publicKeys,
    redeem: (node) => database.asSystem((tx) => redeemJoinToken(tx, node)),
    retire: (node) => database.asSystem((tx) => retireLeavingNode(tx, node, { doorbell })),
    authenticate: (header, request) => authenticateNode({ clock, findNode }, header, request),
    snapshot: (group, wish, reader) => publisher.snapshot(group, wish, reader),
    attempts,
    joins: { name: "joins", burst: joinBurstMax, perSecond: joinsPerSecondMax },
  });
}
