import { expect, test } from "vitest";

import { namesToAsk, parseSearchDomains } from "../../../node-agent/runtime/search-domains.ts";

const kubernetes = `# a comment
nameserver 10.96.0.10
search web.svc.cluster.local svc.cluster.local. cluster.local
options timeout:1 ndots:5
`;

test("a resolv.conf's search domains and ndots are understood, and the last line of a kind holds", () => {
  const domains = ["web.svc.cluster.local", "svc.cluster.local", "cluster.local"];
  expect(parseSearchDomains(kubernetes)).toEqual({ domains, ndots: 5 });
  expect(parseSearchDomains(`${kubernetes}domain example.org\n`).domains).toEqual(["example.org"]);
  expect(parseSearchDomains("")).toEqual({ domains: [], ndots: 1 });
});

test("a short name is completed first, a long one asked as it is first, a final dot ends it", () => {
  const search = { domains: ["a.example", "b.example"], ndots: 2 };
  expect(namesToAsk("db", search)).toEqual(["db.a.example", "db.b.example", "db"]);
  expect(namesToAsk("db.x", search)).toEqual(["db.x.a.example", "db.x.b.example", "db.x"]);
  expect(namesToAsk("db.x.y", search)).toEqual(["db.x.y", "db.x.y.a.example", "db.x.y.b.example"]);
  expect(namesToAsk("db.", search)).toEqual(["db"]);
});

test("what would be too long for a name is not asked", () => {
  const long = `${"a".repeat(60)}.`.repeat(4).slice(0, -1);
  expect(namesToAsk(long, { domains: ["example.org"], ndots: 1 })).toEqual([long]);
});
