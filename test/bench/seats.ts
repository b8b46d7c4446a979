import { carriesHalfClose } from "./contenders/carries-half-close.ts";
import type { Contender, Setting } from "./contenders/contender.ts";
import { lostDatagrams } from "./contenders/lost-datagrams.ts";
import { Seat } from "./contenders/seat.ts";
import { oneLine } from "./one-line.ts";

export interface Seated {
  readonly seats: readonly Seat[];
  /** Who could not take part, and why; and what a peer does not do. */
  readonly notes: readonly string[];
}

export interface SeatingDeps {
  readonly settingOf: (contender: Contender) => Setting;
  readonly pin: string | undefined;
  /** Whether a backend sends datagrams back. */
  readonly hasEcho: boolean;
}

/**
 * Starts everybody and checks each with a half-close transfer, and with datagrams if it has UDP. Who
 * does not start is left out, as is one of ours that loses data; a peer that does takes part, and it is said.
 */
export async function takeSeats(
  deps: SeatingDeps,
  contenders: readonly Contender[],
): Promise<Seated> {
  const seats: Seat[] = [];
  const notes: string[] = [];
  for (const contender of contenders) {
    const { title, role } = contender;
    const seat = await seatOrWhy(deps, contender);
    if (typeof seat === "string") {
      notes.push(`${title} did not start: ${seat}`);
      continue;
    }
    const losses = await lossesOf(seat, deps.hasEcho);
    notes.push(...losses.map((what) => `${title} loses ${what}`));
    if (losses.length === 0 || role === "peer") seats.push(seat);
    else await seat.running.stop();
  }
  return { seats, notes };
}

async function lossesOf({ running }: Seat, hasEcho: boolean): Promise<readonly string[]> {
  const { ports, datagramPorts } = running;
  const losses: string[] = [];
  if (!(await carriesHalfClose(ports.halfClose))) {
    losses.push("the answer that follows a half-close");
  }
  if (!hasEcho || datagramPorts === undefined) return losses;
  const sizes = await lostDatagrams(datagramPorts.sessions);
  return [...losses, ...sizes.map((size) => `UDP datagrams of ${size} bytes`)];
}

async function seatOrWhy(deps: SeatingDeps, contender: Contender): Promise<Seat | string> {
  try {
    return await Seat.take(contender, { setting: deps.settingOf(contender), pin: deps.pin });
  } catch (error) {
    return oneLine(error instanceof Error ? error.message : String(error));
  }
}
