import { keepCompiledCode, readConfig } from "./config.ts";
import { exitCodes } from "./runtime/exit-codes.ts";

/**
 * The agent's process: reads what it was told, does it, and gives the exit code. What does the work
 * is loaded only then, so that its compiled form can come from the data folder: an agent that comes
 * back serves again sooner.
 */
async function main(): Promise<number> {
  const command = readConfig();
  switch (command.kind) {
    case "help":
      process.stdout.write(command.text);
      return exitCodes.ended;
    case "invalid":
      for (const problem of command.problems) process.stderr.write(`midstream agent: ${problem}\n`);
      return exitCodes.usage;
    case "join": {
      const { joinProcess } = await import("./cli/join-process.ts");
      return joinProcess(command.config);
    }
    case "restart": {
      const { restartProcess } = await import("./cli/restart-process.ts");
      return restartProcess(command.dataFolder);
    }
    case "leave": {
      const { leaveProcess } = await import("./cli/leave-process.ts");
      return leaveProcess(command.config);
    }
    case "run": {
      keepCompiledCode(command.config.dataFolder);
      const { runProcess } = await import("./cli/run-process.ts");
      return runProcess(command.config);
    }
  }
}

process.exit(await main());
