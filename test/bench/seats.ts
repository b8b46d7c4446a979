import { carriesHalfClose } from "./contenders/carries-half-close.ts";
import type { Contender, Setting } from "./contenders/contender.ts";
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
}

/**
 * Starts everybody and checks each with a half-close transfer. Who does not start is left out, as is
 * one of ours that loses data; a peer that does takes part, and it is said.
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
    const carries = await carriesHalfClose(seat.running.ports.halfClose);
    if (!carries) notes.push(`${title} loses the answer that follows a half-close`);
    if (carries || role === "peer") seats.push(seat);
    else await seat.running.stop();
  }
  return { seats, notes };
}

async function seatOrWhy(deps: SeatingDeps, contender: Contender): Promise<Seat | string> {
  try {
    return await Seat.take(contender, { setting: deps.settingOf(contender), pin: deps.pin });
  } catch (error) {
    return oneLine(error instanceof Error ? error.message : String(error));
  }
}
