/**
 * Who may import whom (docs/flow.md draws it). `npm run verify` refuses everything else.
 *
 * A rule names the folders, not the files, so a new file obeys from its first line. Type imports
 * count like value imports, except where a rule says otherwise.
 */

/** Files that only compute: the same input gives the same output, and nothing is touched. */
const pureFiles = [
  "^shared/",
  "^control/publish/build-[^/]*\\.ts$",
  "^control/node-link/link-machine[^/]*\\.ts$",
  "^node-agent/apply/plan[^/]*\\.ts$",
  "^node-agent/elect/",
  "^node-agent/control-link/link-machine[^/]*\\.ts$",
];

/** What a pure file may import besides `shared` and its own kind: values that are pure as well. */
const pureNeighbours = ["^node-agent/pool/[^/]*view\\.ts$"];

const ioModules = [
  "^(node:)?(net|tls|dgram|dns|fs|child_process|cluster|http|https|http2|worker_threads|os|readline|inspector)(/|$)",
  "(^|/)node_modules/(postgres|ws|pino|hono|@hono/node-server|drizzle-orm)/",
];

/** One area's folder may import itself and what is listed; everything else of the area is refused. */
function folderRule({ area, folder, may, because }) {
  const allowed = [folder, ...may].join("|");
  return {
    name: `${area}-${folder}`,
    comment: because,
    severity: "error",
    from: { path: `^${area}/${folder}/` },
    to: { path: `^${area}/[^/]+/`, pathNot: `^${area}/(${allowed})/` },
  };
}

const betweenAreas = [
  {
    name: "shared-imports-nothing-of-ours",
    comment: "shared runs anywhere; what it would need belongs into it",
    severity: "error",
    from: { path: "^shared/" },
    to: { path: "^(control|node-agent|infra|test)/" },
  },
  {
    name: "shared-base-is-the-bottom",
    comment: "base knows no noun of the domain",
    severity: "error",
    from: { path: "^shared/base/" },
    to: { path: "^shared/", pathNot: "^shared/base/" },
  },
  {
    name: "areas-stay-apart",
    comment: "control, node-agent and infra meet on the wire; what two need goes to shared",
    severity: "error",
    from: { path: "^(control|node-agent|infra)/" },
    to: { path: "^(control|node-agent|infra)/", pathNot: "^$1/" },
  },
  {
    name: "source-never-imports-test",
    comment: "tests import the source, never the other way",
    severity: "error",
    from: { path: "^(shared|control|node-agent|infra)/" },
    to: { path: "^test/" },
  },
  {
    name: "tools-are-only-run",
    comment: "infra/tools serves the people who build this; what is shipped does without it",
    severity: "error",
    from: { path: "^infra/", pathNot: "^infra/tools/" },
    to: { path: "^infra/tools/" },
  },
  {
    name: "shared-by-its-name",
    comment: "across areas write #shared/<path>.ts, not a relative path",
    severity: "error",
    from: { path: "^(control|node-agent|infra|test)/" },
    to: { path: "^shared/", dependencyTypesNot: ["aliased-subpath-import"] },
  },
];

const insideControl = [
  folderRule({
    area: "control",
    folder: "http",
    may: ["verbs", "view"],
    because: "adapters only: a route calls a verb or a view, and shapes the answer",
  }),
  folderRule({
    area: "control",
    folder: "view",
    may: ["storage"],
    because: "a read model reads rows",
  }),
  folderRule({ area: "control", folder: "storage", may: [], because: "the bottom of control" }),
  {
    name: "control-verbs",
    comment: "a verb writes rows; publishing notices them, and who asked is none of its business",
    severity: "error",
    from: { path: "^control/verbs/" },
    to: { path: "^control/(http|node-link|publish|view|cli|dashboard|lambda)/" },
  },
  ...["publish", "rollout", "aggregate", "certificates"].map((folder) =>
    folderRule({
      area: "control",
      folder,
      may: ["storage"],
      because: "works on rows; what it needs of others comes as an argument",
    }),
  ),
  folderRule({
    area: "control",
    folder: "node-link",
    may: ["publish"],
    because: "hands out what publish built; the rest comes as an argument",
  }),
  folderRule({
    area: "control",
    folder: "cli",
    may: [],
    because: "a client like any other: it speaks HTTP only",
  }),
  folderRule({ area: "control", folder: "dashboard", may: [], because: "it speaks HTTP only" }),
];

const insideNodeAgent = [
  {
    name: "stages-meet-only-in-flow",
    comment: "a stage imports shared, runtime, pool and itself",
    severity: "error",
    from: { path: "^node-agent/([^/]+)/", pathNot: "^node-agent/(flow|cli|pool|runtime)/" },
    to: { path: "^node-agent/", pathNot: "^node-agent/($1|runtime|pool)/" },
  },
  {
    name: "pool-knows-no-stage",
    comment: "the backend table is read by the stages",
    severity: "error",
    from: { path: "^node-agent/pool/" },
    to: { path: "^node-agent/", pathNot: "^node-agent/(pool|runtime)/" },
  },
  {
    name: "runtime-is-the-bottom",
    comment: "runtime serves every part of the agent",
    severity: "error",
    from: { path: "^node-agent/runtime/" },
    to: { path: "^node-agent/", pathNot: "^node-agent/runtime/" },
  },
];

const everywhere = [
  {
    name: "nobody-imports-the-assembler",
    comment: "types that the parts need live in a leaf file, not where the parts are put together",
    severity: "error",
    from: {
      path: "^(shared|control|node-agent|infra)/",
      pathNot: ["/main\\.ts$", "^control/lambda/"],
    },
    to: { path: ["^control/app\\.ts$", "/main\\.ts$", "/worker-main\\.ts$"] },
  },
  {
    name: "configuration-is-handed-down",
    comment: "main reads the configuration and passes what a part needs",
    severity: "error",
    from: {
      path: "^(control|node-agent)/[^/]+/",
      pathNot: "^(control/lambda|(control|node-agent)/cli)/",
    },
    to: { path: "^(control|node-agent)/config\\.ts$" },
  },
  {
    name: "pure-does-no-io",
    comment: "no sockets, files, processes or database in what only computes",
    severity: "error",
    from: { path: pureFiles },
    to: { path: ioModules },
  },
  {
    name: "pure-uses-no-crypto",
    comment:
      "hashes and signatures are shared/snapshot's and shared/base's, randomness an argument",
    severity: "error",
    from: { path: pureFiles, pathNot: "^shared/(snapshot|base)/" },
    to: { path: "^(node:)?crypto$" },
  },
  {
    name: "pure-imports-pure",
    comment: "what a pure file calls is pure as well; types are free",
    severity: "error",
    from: { path: pureFiles },
    to: {
      path: "^(control|node-agent)/",
      pathNot: [...pureFiles, ...pureNeighbours],
      dependencyTypesNot: ["type-only"],
    },
  },
  {
    name: "no-circles",
    comment: "files that import each other cannot be read one after the other",
    severity: "error",
    from: {},
    to: { circular: true },
  },
  {
    name: "no-unresolvable",
    comment: "the import leads nowhere",
    severity: "error",
    from: {},
    to: { couldNotResolve: true },
  },
];

export default {
  forbidden: [...betweenAreas, ...insideControl, ...insideNodeAgent, ...everywhere],
  options: {
    doNotFollow: { path: "node_modules" },
    exclude: { path: "(^|/)fixtures/" },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    enhancedResolveOptions: {
      exportsFields: ["exports"],
      conditionNames: ["import", "node", "default", "types"],
      extensions: [".ts", ".mjs", ".js", ".json"],
    },
  },
};
