import { expect, test } from "vitest";

import { boundPorts, cpuMsOf, listeningPorts, openFilesMaxOf, residentKbOf } from "./proc.ts";

test("processor time is of the process and of its children that ended, whatever its name holds", () => {
  const fields = "S 1 2 3 0 -1 4194560 100 0 0 0 120 30 4 6 20 0 1 0 5000";
  expect(cpuMsOf(`4711 (a ) (b) ${fields}`)).toBe(1_600);
});

test("resident memory is read in kilobytes, and is 0 of a process without any", () => {
  expect(residentKbOf("Name:\tx\nVmHWM:\t  9999 kB\nVmRSS:\t    1234 kB\n")).toBe(1_234);
  expect(residentKbOf("Name:\tx\nState:\tZ (zombie)\n")).toBe(0);
});

test("ports in the state LISTEN are found, others are not", () => {
  const table = [
    "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when",
    "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000",
    "   1: 0100007F:1F91 0100007F:C350 01 00000000:00000000 00:00000000",
    "  12: 00000000:0050 00000000:0000 0A 00000000:00000000 00:00000000",
  ].join("\n");
  expect([...listeningPorts(table)]).toEqual([8_080, 80]);
});

test("UDP ports that are bound are found, those of connected sockets are not", () => {
  const table = [
    "   sl  local_address rem_address   st tx_queue rx_queue tr tm->when",
    "  310: 0100007F:14E9 00000000:0000 07 00000000:00000000 00:00000000",
    " 4711: 0100007F:C350 0100007F:14E9 01 00000000:00000000 00:00000000",
  ].join("\n");
  expect([...boundPorts(table)]).toEqual([5_353]);
});

test("the soft limit of open files is read", () => {
  const limits =
    "Limit   Soft Limit   Hard Limit   Units\nMax open files   20000   65536   files\n";
  expect(openFilesMaxOf(limits)).toBe(20_000);
});
