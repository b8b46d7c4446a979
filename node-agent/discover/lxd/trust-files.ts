import { homedir } from "node:os";
import { join } from "node:path";

/** The files of the LXD client that trust is made of. */
export interface TrustFiles {
  readonly clientCertificate: string;
  readonly clientKey: string;
  /** The certificate that the server has to show; without it the system's authorities decide. */
  readonly serverCertificate: string;
}

export interface TrustTerms {
  /** The LXD client's own unless given. */
  readonly configDirectory?: string | undefined;
  readonly serverRemoteName: string;
}

/** Where they lie, named as `lxc` names them. */
export function trustFiles({ configDirectory, serverRemoteName }: TrustTerms): TrustFiles {
  const folder = configDirectory ?? join(homedir(), ".config", "lxc");
  return {
    clientCertificate: join(folder, "client.crt"),
    clientKey: join(folder, "client.key"),
    serverCertificate: join(folder, "servercerts", `${serverRemoteName}.crt`),
  };
}
