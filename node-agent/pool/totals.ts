import type { CounterTotals } from "#shared/measures/report.ts";

export const zeroTotals: CounterTotals = {
  connections: 0,
  refused: 0,
  rejected: 0,
  rxBytes: 0,
  txBytes: 0,
};

export function addedTotals(a: CounterTotals, b: CounterTotals): CounterTotals {
  return {
    connections: a.connections + b.connections,
    refused: a.refused + b.refused,
    rejected: a.rejected + b.rejected,
    rxBytes: a.rxBytes + b.rxBytes,
    txBytes: a.txBytes + b.txBytes,
  };
}
