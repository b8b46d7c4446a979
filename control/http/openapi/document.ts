import type { OpenAPIHono } from "@hono/zod-openapi";

import type { HttpEnv } from "../env.ts";
import { registerComponents } from "./components.ts";

const info = {
  title: "Midstream",
  version: "1",
  description:
    "A managed layer-4 load balancer. Define balancers here; the nodes of your groups run them. " +
    "Errors are problem documents (RFC 9457) with a stable `code` and JSON pointers.",
};

const tags = [
  { name: "balancers", description: "Where clients connect, and where connections go" },
  {
    name: "certificates",
    description: "What clients, backends and sources are shown, and the keys",
  },
  { name: "nodes", description: "Hosts that run balancers, and their groups" },
  { name: "revisions", description: "Committed changes, and how far they have come" },
  { name: "access", description: "Tenants, keys, and what was done with them" },
  { name: "platform", description: "The control plane itself" },
];

/** Serves the description of all calls that `app` knows by now, as OpenAPI 3.1. Made once. */
export function addDocument(app: OpenAPIHono<HttpEnv>): void {
  registerComponents(app.openAPIRegistry);
  const document = app.getOpenAPI31Document({ openapi: "3.1.0", info, tags });
  const text = JSON.stringify(document);
  app.get("/openapi.json", (c) => c.body(text, 200, { "content-type": "application/json" }));
}
