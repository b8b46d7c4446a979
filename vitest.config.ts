import { defineConfig } from "vitest/config";

const wholeSystems = "test/e2e/**/*.test.ts";
/** Suites that are about load or time, or use what there is one of: one file at a time, after the others. */
const timed = [
  "test/faults/**/*.test.ts",
  "test/e2e/agent-restart-under-load.test.ts",
  "test/e2e/bench.test.ts",
  "test/e2e/change-to-serving.test.ts",
  "test/e2e/npm-start.test.ts",
  "test/e2e/readme.test.ts",
  "test/e2e/several-controls.test.ts",
  "test/e2e/traffic.test.ts",
  "test/e2e/udp-restart.test.ts",
  "test/node-agent/engine/real-clock.test.ts",
  "test/node-agent/flow/following-sources.test.ts",
  "test/node-agent/flow/real-clock.test.ts",
];
const foreign = "**/node_modules/**";

// Bounds against hanging, above the patience of a single wait: that one tells what it waited for.
const patient = { testTimeout: 90_000, hookTimeout: 120_000 };
const mostPatient = { testTimeout: 240_000, hookTimeout: 240_000 };

export default defineConfig({
  test: {
    pool: "forks",
    // For the threads that tests start by themselves: see node-agent/flow/spawn-thread.ts.
    execArgv: ["--no-wasm-code-gc"],
    globalSetup: "test/support/global-setup.ts",
    // Real processes on a host that may stall: there, a test that fails twice is broken.
    retry: process.env["CI"] === "true" ? 1 : 0,
    projects: [
      {
        extends: true,
        test: {
          name: "parts",
          include: ["test/**/*.test.ts"],
          exclude: [wholeSystems, ...timed, foreign],
          ...patient,
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: {
          name: "systems",
          include: [wholeSystems],
          exclude: [...timed, foreign],
          ...mostPatient,
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: {
          name: "timed",
          include: timed,
          ...mostPatient,
          maxWorkers: 1,
          fileParallelism: false,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
