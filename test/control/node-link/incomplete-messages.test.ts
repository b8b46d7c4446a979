import { expect, test } from "vitest";

import { incompleteBytesMax } from "#shared/base/limits.ts";

import {
  IncompleteMessages,
  type PartsHolder,
} from "../../../control/node-link/incomplete-messages.ts";
import type { LinkEvent } from "../../../control/node-link/link-machine-events.ts";

/** A link that forgets its parts when it is closed, as the machine does. */
function holder(incomplete: IncompleteMessages) {
  const heard: LinkEvent[] = [];
  const link: PartsHolder = {
    handle: (event) => {
      heard.push(event);
      incomplete.holds(link, 0);
    },
  };
  return { heard, holds: (bytes: number) => incomplete.holds(link, bytes) };
}

test("above the bound of all links the message that began first ends its link, and no other", () => {
  const incomplete = new IncompleteMessages();
  const [first, second, third] = [holder(incomplete), holder(incomplete), holder(incomplete)];
  first.holds(1_000);
  second.holds(incompleteBytesMax / 2);
  first.holds(incompleteBytesMax / 2);
  expect([...first.heard, ...second.heard]).toEqual([]);
  third.holds(1);
  expect(first.heard).toMatchObject([{ kind: "close", code: 1013 }]);
  expect([...second.heard, ...third.heard]).toEqual([]);
  third.holds(incompleteBytesMax / 2);
  expect([...second.heard, ...third.heard]).toEqual([]);
  third.holds(incompleteBytesMax / 2 + 1);
  expect(second.heard).toHaveLength(1);
});

test("what was completed does not count any more", () => {
  const incomplete = new IncompleteMessages();
  const one = holder(incomplete);
  for (let n = 0; n < 10; n += 1) {
    one.holds(incompleteBytesMax / 2);
    one.holds(0);
  }
  expect(one.heard).toEqual([]);
});
