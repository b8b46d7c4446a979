export interface ThroughoutOptions {
  /** How long to watch, in milliseconds. */
  readonly forMs: number;
  /** The pause between two looks, in milliseconds. */
  readonly everyMs?: number;
}

/**
 * Watches that something stays as it is ("nothing arrives", "the connection stays open"): `check`
 * must hold at every look. The time is how hard the test looks, not what it depends on.
 *
 * @throws what `check` throws, at once.
 */
export async function throughout(
  check: () => void | Promise<void>,
  options: ThroughoutOptions,
): Promise<void> {
  const endMs = performance.now() + options.forMs;
  do {
    await check();
    await new Promise((resolve) => setTimeout(resolve, options.everyMs ?? 20));
  } while (performance.now() < endMs);
  await check();
}
