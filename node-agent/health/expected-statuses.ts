/** Whether a status is among `"200"`, `"200-299"` … */
export function statusMatcher(expected: readonly string[]): (status: number) => boolean {
  const ranges = expected.map((text) => {
    const [from = "", to = from] = text.split("-");
    return { from: Number(from), to: Number(to) };
  });
  return (status) => ranges.some(({ from, to }) => from <= status && status <= to);
}
