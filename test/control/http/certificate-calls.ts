import { expect } from "vitest";

import { controlUnderTest, type ControlUnderTest } from "../../support/control-under-test.ts";
import { simpleBalancer } from "../../support/definitions.ts";
import { issuedChain } from "../../support/issued-certificate.ts";
import type { Cleanup } from "../../support/processes.ts";
import type { ApiAnswer, TestTenant } from "../../support/tenant-api.ts";

/** A certificate, as the API answers it. */
export interface CertificateAnswer {
  readonly id: string;
  readonly revision: number;
  readonly name: string;
  readonly names: readonly string[];
  readonly usedBy: readonly { readonly id: string; readonly name: string }[];
  readonly warnings: readonly { readonly code: string; readonly detail: string }[];
  readonly fingerprint: string;
  readonly [key: string]: unknown;
}

/** Why a call was refused. */
export interface CertificateProblem {
  readonly code: string;
  readonly detail: string;
  readonly errors: readonly { readonly pointer: string; readonly code: string }[];
}

/** A chain with its keys. */
export type Issued = Awaited<ReturnType<typeof issuedChain>>;

/** A control plane, and two chains for the same name to store there. */
export interface CertificatesUnderTest {
  readonly control: ControlUnderTest;
  readonly first: Issued;
  readonly second: Issued;
}

export async function certificatesUnderTest(cleanup: Cleanup): Promise<CertificatesUnderTest> {
  const control = await controlUnderTest(cleanup);
  return { control, first: await issuedChain(), second: await issuedChain() };
}

/** What is stored of a chain. */
export function bodyOf({ chain, leaf }: Issued, name = "shop") {
  return { name, certificate: chain, key: leaf.key };
}

/** Stores a chain as a tenant's certificate. */
export async function createdCertificate(
  tenant: TestTenant,
  issued: Issued,
  name = "shop",
): Promise<ApiAnswer<CertificateAnswer>> {
  const body = bodyOf(issued, name);
  const answer = await tenant.call<CertificateAnswer>("POST", "/v1/certificates", { body });
  expect(answer.status).toBe(201);
  return answer;
}

export const etagOf = (answer: ApiAnswer<unknown>): string => answer.headers.get("etag") ?? "";

export const pointersOf = ({ errors }: CertificateProblem): readonly string[] =>
  errors.map(({ pointer, code }) => `${pointer} ${code}`);

/** A balancer that shows these certificates. */
export function shows(name: string, ids: readonly string[], port = 9_443): Record<string, unknown> {
  const tls = { certificates: ids.map((certificate) => ({ certificate })) };
  return { ...simpleBalancer(name, port), protocol: "tls", tls };
}
