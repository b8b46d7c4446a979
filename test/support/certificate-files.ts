import { writeFile } from "node:fs/promises";
import { join } from "node:path";

import { onTestFinished } from "vitest";

import type { BalancerInput } from "#shared/definition/balancer.ts";

import { temporaryFolder } from "./temporary-folder.ts";
import type { TestCertificate } from "./test-certificates.ts";

/** Where a pair lies, as definitions name it. */
export interface CertificateFiles {
  readonly certPath: string;
  readonly keyPath: string;
  readonly passphrase?: string;
}

/** A pair in two files of a folder, one of its own unless given. */
export async function filesOf(
  { cert, key }: TestCertificate,
  into?: string,
): Promise<CertificateFiles> {
  const folder = into ?? (await temporaryFolder(onTestFinished));
  const files = { certPath: join(folder, "cert.pem"), keyPath: join(folder, "key.pem") };
  await writeFile(files.certPath, cert);
  await writeFile(files.keyPath, key);
  return files;
}

/** The part of a definition that terminates TLS with these pairs. */
export function terminating(
  files: readonly CertificateFiles[],
): Pick<BalancerInput, "protocol"> & { readonly tls: NonNullable<BalancerInput["tls"]> } {
  return { protocol: "tls", tls: { certificates: files.map((one) => ({ files: one })) } };
}
