import { expect, test } from "vitest";

import { withReport } from "./document.ts";

const document = "a\n<!-- npm run bench: begin -->\nold\n<!-- npm run bench: end -->\nz\n";

test("what stands between the markers is replaced, everything else stays", () => {
  const written = withReport(document, "new");
  expect(written).toBe(
    "a\n<!-- npm run bench: begin -->\n\nnew\n\n<!-- npm run bench: end -->\nz\n",
  );
  expect(withReport(written, "new")).toBe(written);
});

test("a document without markers is left alone", () => {
  expect(() => withReport("a\n", "new")).toThrow("lacks");
});
