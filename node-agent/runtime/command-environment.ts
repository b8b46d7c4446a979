/**
 * What every command gets that a definition names: programs are found by a fixed path, in the root
 * folder. The agent's own environment may hold what is nobody's business, credentials above all.
 */
export const commandTerms = {
  cwd: "/",
  env: { PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" },
} as const;
