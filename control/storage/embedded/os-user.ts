import { readFile } from "node:fs/promises";
import { getuid } from "node:process";

/** Whom a child process runs as; Postgres refuses to run as root. */
export interface OsUser {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

/** Users that root may hand Postgres to, the best first; `nobody` is on every Unix. */
const candidates = ["postgres", "nobody"];

/**
 * The user that Postgres runs as when this process is root, otherwise undefined: then it runs as
 * whoever runs this.
 */
export async function postgresOsUser(): Promise<OsUser | undefined> {
  if (getuid?.() !== 0) return undefined;
  const users = (await readFile("/etc/passwd", "utf8")).split("\n").map(userOfLine);
  for (const name of candidates) {
    const user = users.find((known) => known?.name === name);
    if (user !== undefined) return user;
  }
  return { name: "nobody", uid: 65_534, gid: 65_534 };
}

/** passwd(5): name, password, uid, gid, comment, home, shell. */
function userOfLine(line: string): OsUser | undefined {
  const [name, , uid, gid] = line.split(":");
  if (name === undefined || uid === undefined || gid === undefined) return undefined;
  return { name, uid: Number(uid), gid: Number(gid) };
}
