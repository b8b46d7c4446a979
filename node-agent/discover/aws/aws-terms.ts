import type { LookupFunction } from "node:net";

import type { AwsDiscovery } from "#shared/definition/discovery/aws.ts";

import { failedFetch, type FailedFetch, type Fetch, type Fetched } from "../discovery.ts";
import { plainSecret, type Got } from "../http/tls-material.ts";
import { AwsCallFailed, AwsHttp } from "./aws-http.ts";

interface PlainCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

/** What a client of AWS is made with; the rest is its own default. */
export interface AwsTerms {
  readonly region: string;
  readonly endpoint?: string;
  readonly disableHostPrefix: boolean;
  /** The loop around a source tries again. */
  readonly maxAttempts: 1;
  readonly requestHandler: AwsHttp;
  readonly credentials?: PlainCredentials | (() => Promise<PlainCredentials>);
}

/** A fetch that asks AWS: `ask` gets what clients are made with, and may throw what they throw. */
export function awsFetch(
  lookup: LookupFunction,
  discovery: AwsDiscovery,
  ask: (terms: AwsTerms) => Promise<Fetched>,
): Fetch {
  return async (signal) => {
    const http = new AwsHttp(lookup, signal);
    try {
      const terms = await awsTerms(discovery, http);
      return terms.ok ? await ask(terms.value) : terms;
    } catch (error) {
      return awsFailure(error, discovery.region);
    }
  };
}

async function awsTerms(discovery: AwsDiscovery, http: AwsHttp): Promise<Got<AwsTerms>> {
  const { region, endpoint, role } = discovery;
  const common = { region, maxAttempts: 1, requestHandler: http } as const;
  const given = plainCredentials(discovery);
  if (!given.ok) return given;
  const credentials = given.value === undefined ? {} : { credentials: given.value };
  const value: AwsTerms = {
    ...common,
    ...credentials,
    disableHostPrefix: endpoint !== undefined,
    ...(endpoint === undefined ? {} : { endpoint }),
  };
  if (role === undefined) return { ok: true, value };
  const { fromTemporaryCredentials } = await import("@aws-sdk/credential-providers");
  const assumed = fromTemporaryCredentials({
    ...(given.value === undefined ? {} : { masterCredentials: given.value }),
    params: {
      RoleArn: role.arn,
      RoleSessionName: "midstream",
      ...(role.externalId === undefined ? {} : { ExternalId: role.externalId }),
    },
    clientConfig: {
      ...common,
      ...(role.endpoint === undefined ? {} : { endpoint: role.endpoint }),
    },
  });
  return { ok: true, value: { ...value, credentials: async () => plain(await assumed()) } };
}

function plainCredentials({ credentials }: AwsDiscovery): Got<PlainCredentials | undefined> {
  if (credentials === undefined) return { ok: true, value: undefined };
  const secret = plainSecret(credentials.secretAccessKey);
  if (!secret.ok) return secret;
  const { accessKeyId, sessionToken } = credentials;
  const pair = { accessKeyId, secretAccessKey: secret.value };
  if (sessionToken === undefined) return { ok: true, value: pair };
  const token = plainSecret(sessionToken);
  return token.ok ? { ok: true, value: { ...pair, sessionToken: token.value } } : token;
}

function plain({
  accessKeyId,
  secretAccessKey,
  sessionToken,
}: {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string | undefined;
}): PlainCredentials {
  const pair = { accessKeyId, secretAccessKey };
  return sessionToken === undefined ? pair : { ...pair, sessionToken };
}

/** Only names of errors are told: their texts quote requests. */
function awsFailure(error: unknown, region: string): FailedFetch {
  if (error instanceof AwsCallFailed) return error.failure;
  const name = error instanceof Error ? error.name.slice(0, 80) : "unknown";
  if (name === "CredentialsProviderError") {
    return failedFetch("no-credentials", `${region}: this node has no credentials for AWS`);
  }
  return failedFetch(codeOf(error), `${region}: ${name}`);
}

function codeOf(error: unknown): string {
  return typeof error === "object" && error !== null && "$fault" in error
    ? "bad-status"
    : "bad-answer";
}
