import { expect, test } from "vitest";

import { parseHosts } from "../../../node-agent/runtime/hosts-file.ts";

test("every name of a line has its address, in the order of the lines; what is no line is passed over", () => {
  const hosts = parseHosts(
    "127.0.0.1 localhost\n::1\tlocalhost LocalHost6 # both\n#10.0.0.9 gone\n\nnonsense x\n10.0.0.5 db db\r\n",
  );
  expect(Object.fromEntries(hosts)).toEqual({
    localhost: ["127.0.0.1", "::1"],
    localhost6: ["::1"],
    db: ["10.0.0.5"],
  });
});
