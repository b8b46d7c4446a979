/**
 * How much of a long suite to run: `MIDSTREAM_TEST_SCALE`, 1 unless set. CI's budget and a patient
 * evening turn the same knob.
 *
 * @throws Error when the variable is set and is not a number above 0.
 */
export function testScale(): number {
  const text = process.env["MIDSTREAM_TEST_SCALE"] ?? "1";
  const scale = Number(text);
  if (!Number.isFinite(scale) || scale <= 0) {
    throw new Error(`MIDSTREAM_TEST_SCALE is "${text}"; set a number above 0, such as 0.2 or 3`);
  }
  return scale;
}

/** A size or a duration of a long suite, scaled; never below `min`, so that it still shows its point. */
export function scaled(size: number, min = 1): number {
  return Math.max(min, Math.round(size * testScale()));
}
