import { describe, expect, test } from "vitest";

import { findProgram } from "../../support/run-command.ts";
import { unitInOpt, withCheckoutInOpt } from "../../support/systemd-verify.ts";

const units = ["midstream-control.service", "midstream-agent.service"];
/** systemd's own scale goes from 0 (nothing may be done) to 10; "OK" ends at 5. */
const exposureMax = 2;

const missing = await whyNot();

async function whyNot(): Promise<string | undefined> {
  if ((await findProgram("systemd-analyze")) === undefined) {
    return "systemd-analyze is not installed (Debian: systemd)";
  }
  const namespace = await withCheckoutInOpt("true");
  return namespace.code === 0 ? undefined : `no mount namespace: ${namespace.stderr.trim()}`;
}

describe("the systemd units", () => {
  test.for(units)("%s passes systemd-analyze without a warning", async (unit, { skip }) => {
    skip(missing !== undefined, missing);
    const verified = await withCheckoutInOpt(`systemd-analyze verify ${unitInOpt(unit)}`);
    expect(verified).toMatchObject({ code: 0, stdout: "", stderr: "" });
  });

  test.for(units)("%s exposes little of the host", async (unit, { skip, annotate }) => {
    skip(missing !== undefined, missing);
    const command = `systemd-analyze security --offline=yes --no-pager ${unitInOpt(unit)}`;
    const { stdout } = await withCheckoutInOpt(command);
    const [, exposure = ""] = /exposure level for \S+: ([\d.]+)/.exec(stdout) ?? [];
    await annotate(`exposure level ${exposure} of 10`, "measured");
    expect(Number(exposure)).toBeGreaterThan(0);
    expect(Number(exposure)).toBeLessThanOrEqual(exposureMax);
  });
});
