/**
 * The processors of a host that a list does not name, as a list again; all of them when it names
 * every one.
 *
 * @param list as taskset takes it: `0`, `0,2`, `0-3`
 */
export function otherProcessors(list: string, count: number): string {
  const named = new Set(list.split(",").flatMap(range));
  const all = Array.from({ length: count }, (_, index) => index);
  const others = all.filter((processor) => !named.has(processor));
  return (others.length > 0 ? others : all).join(",");
}

function range(text: string): readonly number[] {
  const [from = 0, to = from] = text.split("-").map(Number);
  return Array.from({ length: to - from + 1 }, (_, index) => from + index);
}
