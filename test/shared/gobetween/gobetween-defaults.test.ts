import { describe, expect, test } from "vitest";

import { withGobetweenDefaults } from "#shared/gobetween/gobetween-defaults.ts";
import { checkBalancer } from "#shared/validation/check-balancer.ts";

const written = {
  name: "web",
  bind: ["127.0.0.1:9000"],
  discovery: { kind: "static", backends: ["127.0.0.1:80"] },
};

describe("gobetween's defaults", () => {
  test("F-CFG-23 a health check of an unknown kind is refused, an absent section means none", () => {
    const absent = checkBalancer(withGobetweenDefaults(written));
    const unknown = checkBalancer(
      withGobetweenDefaults({ ...written, healthcheck: { kind: "pong", interval: "1s" } }),
    );

    expect(absent).toMatchObject({ ok: true, value: { healthcheck: { kind: "none" } } });
    expect(unknown).toMatchObject({
      ok: false,
      problems: [{ pointer: "/healthcheck/kind", code: "unknown-kind" }],
    });
  });

  test("the four connection options are 0 where nothing is said", () => {
    expect(checkBalancer(withGobetweenDefaults(written))).toMatchObject({
      ok: true,
      value: {
        limits: {
          maxConnections: 0,
          clientIdleTimeout: "0",
          backendIdleTimeout: "0",
          backendConnectionTimeout: "0",
        },
      },
    });
  });

  test("give way to what is written, field by field", () => {
    const own = { ...written, drainTimeout: "5s", limits: { clientIdleTimeout: "1m" } };
    expect(checkBalancer(withGobetweenDefaults(own))).toMatchObject({
      ok: true,
      value: {
        drainTimeout: "5s",
        limits: { clientIdleTimeout: "1m", backendConnectionTimeout: "0", idleMode: "oneWay" },
      },
    });
  });

  test("what is no balancer, or has no proper limits, is left to the check", () => {
    for (const body of ["text", null, [written]]) expect(withGobetweenDefaults(body)).toBe(body);
    const listed = checkBalancer(withGobetweenDefaults({ ...written, limits: ["1"] }));
    expect(listed).toMatchObject({ ok: false, problems: [{ pointer: "/limits" }] });
  });
});
