import { Command, CommanderError } from "commander";

import { logLevels } from "../runtime/log-level.ts";

/** Options by the name that commander gives them. */
export type Options = Readonly<Record<string, string | boolean | readonly string[] | undefined>>;

/** A command line as it was written: nothing is checked yet. */
export type Line =
  | {
      readonly kind: "join" | "run" | "restart" | "leave";
      readonly options: Options;
      readonly excess: string[];
    }
  | { readonly kind: "help"; readonly text: string }
  | { readonly kind: "invalid"; readonly problems: readonly string[] };

/** Splits a command line into its command and its options. */
export function parseLine(argv: readonly string[]): Line {
  let line: Line = { kind: "invalid", problems: ["say what to do: join, run, restart, or leave"] };
  const output: string[] = [];
  const program = new Command("agent").description("The agent of a Midstream node");
  program.exitOverride().configureOutput({
    writeOut: (text) => void output.push(text),
    writeErr: () => undefined,
  });
  const take = (kind: "join" | "run" | "restart" | "leave") => (_: unknown, command: Command) => {
    line = { kind, options: command.opts<Options>(), excess: command.args };
  };
  withJoinOptions(program.command("join")).action(take("join"));
  withRunOptions(program.command("run")).action(take("run"));
  withRestartOptions(program.command("restart")).action(take("restart"));
  withLeaveOptions(program.command("leave")).action(take("leave"));
  try {
    program.parse(argv, { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return { kind: "help", text: output.join("") };
    if (error.code === "commander.help") return line;
    return { kind: "invalid", problems: [error.message.replace(/^error: /, "")] };
  }
  return line;
}

function withJoinOptions(command: Command): Command {
  return command
    .description("make this host a node: redeems a join token, once")
    .option("--control <url>", "address of the control plane")
    .option(
      "--token <token>",
      "join token; visible to others on this host while it runs, so rather:",
    )
    .option("--token-file <file>", "file that holds the join token (or MIDSTREAM_JOIN_TOKEN)")
    .option("--data <dir>", "folder for the node's keys and snapshots")
    .option("--label <key=value...>", "tells this node from others")
    .option("--insecure", "allow plain http to another host")
    .option("--ca <file>", "authorities of the control plane's certificate, in PEM")
    .allowUnknownOption()
    .allowExcessArguments();
}

function withRunOptions(command: Command): Command {
  return command
    .description("serve what the control plane wants, and what was last good without it")
    .option("--data <dir>", "folder that the node joined in")
    .option("--control <url>", "address of the control plane, when it has moved since the join")
    .option("--workers <number>", "worker threads; as many as suit the host unless set")
    .option("--relay <engine>", "native or portable; native unless set, where it loads")
    .option("--admin <host:port>", "local status port, 127.0.0.1:9901 unless set; off for none")
    .option(
      "--pid-file <file>",
      "where its process id stands; a supervisor that follows it allows restart",
    )
    .option("--policy <file>", "what the control plane may do here, <data>/policy.json unless set")
    .option("--insecure", "allow plain http to another host")
    .option("--log-level <level>", `${logLevels.join(", ")} (MIDSTREAM_LOG_LEVEL)`)
    .option(
      "--access-log <file>",
      "where balancers' access logs go: log (unless set), off, or a file, opened again on SIGHUP",
    )
    .option("--drain-timeout <duration>", "time for open connections at the end, 30s unless set")
    .option("--ca <file>", "authorities of the control plane's certificate, in PEM")
    .allowUnknownOption()
    .allowExcessArguments();
}

function withRestartOptions(command: Command): Command {
  return command
    .description("replace the agent that runs by a new process; no client is refused")
    .option("--data <dir>", "folder of the running agent")
    .allowUnknownOption()
    .allowExcessArguments();
}

function withLeaveOptions(command: Command): Command {
  return command
    .description("retire this node: the control plane forgets it first, then this host")
    .option("--data <dir>", "folder that the node joined in; its agent has to be stopped")
    .option("--control <url>", "address of the control plane, when it has moved since the join")
    .option("--force", "forget the node here although the control plane does not confirm")
    .option("--insecure", "allow plain http to another host")
    .option("--ca <file>", "authorities of the control plane's certificate, in PEM")
    .allowUnknownOption()
    .allowExcessArguments();
}
