import { readFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";

import { Hono } from "hono";
import { secureHeaders } from "hono/secure-headers";

import type { HttpEnv } from "../env.ts";

/** Where the page's files come from: the installed package, nothing from outside. */
const assetFolder = path.dirname(
  fileURLToPath(import.meta.resolve("swagger-ui-dist/package.json")),
);

const assetTypes = {
  "swagger-ui.css": "text/css; charset=utf-8",
  "swagger-ui-bundle.js": "text/javascript; charset=utf-8",
  "favicon-32x32.png": "image/png",
} as const;

const page = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <title>Midstream API</title>
    <link rel="icon" href="/docs/favicon-32x32.png" />
    <link rel="stylesheet" href="/docs/swagger-ui.css" />
  </head>
  <body>
    <div id="page"></div>
    <script src="/docs/swagger-ui-bundle.js"></script>
    <script src="/docs/start.js"></script>
  </body>
</html>
`;

/** `validatorUrl: null`: no badge of a validator elsewhere. */
const start = `SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#page",
  deepLinking: true,
  validatorUrl: null,
  presets: [SwaggerUIBundle.presets.apis],
});
`;

/**
 * `/docs`: the API's description as a page. Its policy lets the browser load from here only, so
 * that nothing else could be loaded even if a file asked for it.
 */
export function docsPage(): Hono<HttpEnv> {
  const router = new Hono<HttpEnv>();
  router.use("/docs/*", docsPolicy());
  router.get("/docs", docsPolicy(), (c) => c.html(page));
  router.get("/docs/start.js", (c) =>
    c.body(start, 200, { "content-type": "text/javascript; charset=utf-8" }),
  );
  for (const [name, type] of Object.entries(assetTypes)) {
    router.get(`/docs/${name}`, async (c) => {
      const bytes = await readFile(path.join(assetFolder, name));
      return c.body(bytes, 200, { "content-type": type, "cache-control": "public, max-age=3600" });
    });
  }
  return router;
}

/** The page's own code sets styles and draws inline images; scripts come from files only. */
function docsPolicy() {
  return secureHeaders({
    contentSecurityPolicy: {
      defaultSrc: ["'none'"],
      scriptSrc: ["'self'"],
      styleSrc: ["'self'", "'unsafe-inline'"],
      imgSrc: ["'self'", "data:"],
      connectSrc: ["'self'"],
      baseUri: ["'none'"],
      formAction: ["'none'"],
      frameAncestors: ["'none'"],
    },
  });
}
