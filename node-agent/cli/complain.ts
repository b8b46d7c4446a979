/** What went wrong, for whoever typed the command. */
export function complain(problems: readonly string[]): void {
  for (const problem of problems) console.error(`midstream agent: ${problem}`);
}
