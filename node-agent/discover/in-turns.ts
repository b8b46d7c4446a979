/** Runs `work` for every item, at most `atOnceMax` of them at the same time; results in order. */
export async function inTurns<T, R>(
  items: readonly T[],
  atOnceMax: number,
  work: (item: T) => Promise<R>,
): Promise<readonly R[]> {
  const results: R[] = [];
  const left = items.entries();
  const worker = async (): Promise<void> => {
    for (const [index, item] of left) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other is the point
      results[index] = await work(item);
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnceMax, items.length) }, worker));
  return results;
}
