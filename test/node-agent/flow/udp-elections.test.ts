import { beforeEach, describe, expect, onTestFinished, test } from "vitest";

import { serve } from "../../support/data-plane.ts";
import { bothDrivers } from "../../support/drivers.ts";
import { eventually } from "../../support/eventually.ts";
import { openUdpClient } from "../../support/udp-client.ts";
import { clients, named, udp, udpPlane } from "./udp-plane.ts";

describe.for(await bothDrivers())("udp, $driver", ({ driver, missing }) => {
  beforeEach(({ skip }) => {
    if (missing !== undefined) skip(missing);
  });

  test.each(["roundrobin", "leastconn"] as const)(
    "F-BAL-22 sessions are elected by %s",
    async (strategy) => {
      const under = await udpPlane(driver, 2);
      const backends = [await named(), await named(), await named()].toSorted((a, b) =>
        a.name < b.name ? -1 : 1,
      );
      const dns = await serve(under, { ...udp, strategy, backends });
      const answers: string[] = [];
      for (const client of await clients(dns.port, 12)) {
        const answer = await client.ask("x");
        answers.push(answer);
        // A session stays where it is.
        expect(await client.ask("y")).toBe(answer);
      }
      const counts = backends.map(({ name }) => answers.filter((answer) => answer === name).length);

      const names = backends.map(({ name }) => name);
      switch (strategy) {
        case "roundrobin":
          expect(answers).toEqual([...names, ...names, ...names, ...names]);
          break;
        case "leastconn":
          expect(counts).toEqual([4, 4, 4]);
          break;
      }
    },
  );

  test.each(["iphash", "iphash1"] as const)(
    "F-BAL-22 sessions are elected by %s: an address has its backend, whatever its port, and others have others",
    async (strategy) => {
      const under = await udpPlane(driver, 2);
      const backends = [await named(), await named(), await named()];
      const dns = await serve(under, { ...udp, strategy, backends });
      const homes = new Set<string>();
      for (let index = 1; index <= 40; index += 1) {
        const from = { host: `127.0.0.${index}` };
        const [first, second] = [await openUdpClient(dns, from), await openUdpClient(dns, from)];
        const home = await first.ask("x");
        expect(await second.ask("x")).toBe(home);
        homes.add(home);
      }

      expect(homes).toEqual(new Set(backends.map(({ name }) => name)));
    },
  );

  test("F-BAL-22 sessions are elected by weight: none for a backend of weight 0, and some for each other one", async () => {
    const under = await udpPlane(driver, 2);
    const [none, ...some] = [await named(), await named(), await named(), await named()];
    const backends = [{ ...none, weight: 0 }, ...some];
    const dns = await serve(under, { ...udp, strategy: "weight", backends });
    const answers = await Promise.all(
      (await clients(dns.port, 60)).map(async (client) => client.ask("x")),
    );

    expect(new Set(answers)).toEqual(new Set(some.map(({ name }) => name)));
  });

  test("F-BAL-22 sessions are elected by leastbandwidth: none for the backend that has traffic", async () => {
    const under = await udpPlane(driver, 2);
    const [talker, ...others] = [await named(), await named(), await named()];
    const strategy = "leastbandwidth";
    const dns = await serve(under, { ...udp, strategy, backends: [talker] });
    const listener = await openUdpClient(dns);
    await listener.ask("x");
    const [session = ""] = talker.senders;
    const talk = setInterval(() => talker.say("y".repeat(1_000), session), 20);
    onTestFinished(() => clearInterval(talk));
    await dns.update({ ...udp, strategy, backends: [talker, ...others] });
    await eventually(() => dns.backend(talker.name).rates.rxPerSecond > 0);
    const answers = await Promise.all(
      (await clients(dns.port, 20)).map(async (client) => client.ask("x")),
    );

    expect(new Set(answers)).toEqual(new Set(others.map(({ name }) => name)));
    expect(new Set(talker.senders).size).toBe(1);
  });
});
