/**
 * `wait-ready.ts URL SECONDS PID`: ends with 0 once the URL answers 200, with 1 when it did not in
 * that time or the process is gone. The units run it after the start, so that "started" means ready.
 */
import * as http from "node:http";
import * as https from "node:https";

const lookEveryMs = 100;
const answerMsMax = 2_000;

async function main(): Promise<number> {
  const [url = "", seconds = "", pid = ""] = process.argv.slice(2);
  const withinMs = Number(seconds) * 1_000;
  if (!URL.canParse(url) || !(withinMs > 0) || !(Number(pid) > 0)) {
    console.error("usage: wait-ready.ts URL SECONDS PID");
    return 2;
  }
  const deadlineMs = performance.now() + withinMs;
  let last = "";
  while (performance.now() < deadlineMs && isThere(Number(pid))) {
    // oxlint-disable-next-line no-await-in-loop -- asks again after a pause
    last = await answerOf(url);
    if (last === "200") return 0;
    // oxlint-disable-next-line no-await-in-loop -- asks again after a pause
    await new Promise((resolve) => setTimeout(resolve, lookEveryMs));
  }
  console.error(`${url} is not ready: ${last}`);
  return 1;
}

/** Nobody needs to wait for a process that died; systemd starts it again once this has ended. */
function isThere(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** The status, or why there is none. fetch would refuse some ports (6000, say) that may be in use. */
function answerOf(url: string): Promise<string> {
  const { get } = url.startsWith("https:") ? https : http;
  return new Promise((resolve) => {
    const asked = get(url, { timeout: answerMsMax, agent: false }, (answer) => {
      answer.resume();
      resolve(String(answer.statusCode));
    });
    asked.on("timeout", () => asked.destroy(new Error("no answer")));
    asked.on("error", (error) => resolve(error.message));
  });
}

process.exit(await main());
