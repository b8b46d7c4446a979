import { WebSocket } from "ws";

import type { Clock, Timer } from "#shared/base/clock.ts";
import { systemErrorCode } from "#shared/base/fault.ts";
import { lookAgainMs, remoteFetchMsDefault, watchEventBytesMax } from "#shared/base/limits.ts";

import { failedFetch, type Announce, type FailedFetch } from "../discovery.ts";
import { placeName, type HttpPlace } from "../http/http-source.ts";

const path = "/1.0/events?type=lifecycle";

export interface LifecycleWatch {
  readonly clock: Clock;
  readonly place: HttpPlace;
}

/**
 * Listens to what happens to instances, until the stream ends. It reads no more for `lookAgainMs`
 * once something came: a flood waits at its sender. Never rejects.
 */
export function watchLifecycle(
  { clock, place }: LifecycleWatch,
  announce: Announce,
  signal: AbortSignal,
): Promise<FailedFetch> {
  return new Promise((resolve) => {
    const name = placeName(place);
    const socket = openSocket(place);
    let reading: Timer | undefined;
    const end = (failure: FailedFetch): void => {
      reading?.stop();
      signal.removeEventListener("abort", abort);
      socket.terminate();
      resolve(failure);
    };
    const abort = (): void => end(failedFetch("aborted", `${name}: the watch was ended`));
    socket.on("error", (error) =>
      end(failedFetch("unreachable", `${name}: ${systemErrorCode(error) ?? "refused"}`)),
    );
    socket.on("open", () => announce("standing"));
    socket.on("message", () => {
      announce("changed");
      socket.pause();
      reading?.stop();
      reading = clock.after(lookAgainMs, () => socket.resume());
    });
    socket.on("close", () => end(failedFetch("ended", `${name}: the stream ended`)));
    signal.addEventListener("abort", abort, { once: true });
    if (signal.aborted) abort();
  });
}

function openSocket({ origin, socketPath, lookup, tls }: HttpPlace): WebSocket {
  const options = { handshakeTimeout: remoteFetchMsDefault, maxPayload: watchEventBytesMax };
  if (socketPath !== undefined) return new WebSocket(`ws+unix:${socketPath}:${path}`, options);
  return new WebSocket(`${origin.replace(/^http/, "ws")}${path}`, { ...options, lookup, ...tls });
}
