import { runCommand } from "./run-command.ts";

/** What `openssl s_client` tells of a handshake: what it printed, empty where it printed nothing. */
export interface OpensslEnd {
  /** Of what the other side sent inside of TLS, as text among everything else it printed. */
  readonly output: string;
  readonly version: string;
  readonly cipher: string;
  /** The key exchange group: `X25519`, `P-256`. */
  readonly group: string;
  readonly alpn: string;
  /** The common name of the certificate that it was shown. */
  readonly name: string;
  readonly isReused: boolean;
  /** The alert that ended it, in OpenSSL's words. */
  readonly alert: string;
}

/**
 * A client that still speaks what is deprecated: hosts' own settings forbid it to programs that do not
 * ask.
 */
const anyLevel = "ALL:@SECLEVEL=0";
/** Reading the host's authorities takes longer than the handshake. */
const trustsNobody = ["-no-CAfile", "-no-CApath", "-no-CAstore"];

/** It calls some groups one way in TLS 1.2 and another in 1.3. */
const groupNames: Readonly<Record<string, string>> = {
  prime256v1: "P-256",
  secp384r1: "P-384",
  secp521r1: "P-521",
};

/**
 * Connects to a port of loopback with OpenSSL's own client, which nobody here wrote, and reads until
 * the other side ends. `args` come last, so that they win.
 */
export async function opensslClient(port: number, args: readonly string[]): Promise<OpensslEnd> {
  const usual = ["-connect", `127.0.0.1:${port}`, "-ign_eof", ...trustsNobody, "-cipher", anyLevel];
  const { stdout, stderr } = await runCommand(["openssl", "s_client", ...usual, ...args]);
  const output = `${stdout}\n${stderr}`;
  const found = (pattern: RegExp): string => pattern.exec(output)?.[1]?.trim() ?? "";
  const cipher = found(/^(?:New|Reused), .*Cipher is (.+)$/m);
  const group = found(/^Server Temp Key: (?:ECDH, )?([^,\n]+)/m);
  return {
    output,
    // The first line names the version that brought the suite; the session has the one agreed on.
    version:
      cipher === "(NONE)"
        ? ""
        : found(/^ +Protocol +: (.+)$/m) || found(/^(?:New|Reused), ([^,]+),/m),
    cipher: cipher.replace("(NONE)", ""),
    group: groupNames[group] ?? group,
    alpn: found(/^ALPN protocol: (.+)$/m),
    name: found(/^subject=.*CN ?= ?(.+)$/m),
    isReused: /^Reused, /m.test(output),
    alert: found(/alert ([a-z ]+):/),
  };
}
