import { Command, CommanderError } from "commander";

import { logLevels } from "./log.ts";

/** What stands behind the options; what is not given is absent. */
export type GivenOptions = Readonly<
  Record<string, string | boolean | readonly string[] | undefined>
>;

type CommandName = "run" | "migrate" | "raise-epoch";

/** What a command line says, its values not looked at. */
export type CommandLine =
  | { readonly kind: CommandName; readonly options: GivenOptions; readonly excess: string[] }
  | { readonly kind: "help"; readonly text: string }
  | { readonly kind: "invalid"; readonly problems: readonly string[] };

/** Which command is asked for, with which options. */
export function readCommandLine(argv: readonly string[]): CommandLine {
  let line: CommandLine = { kind: "invalid", problems: ["no command was given"] };
  const output: string[] = [];
  const program = new Command("control")
    .description("The control plane of Midstream")
    .addHelpText("after", "\nThe settings of a command: control run --help");
  program.exitOverride().configureOutput({
    writeOut: (text) => void output.push(text),
    writeErr: () => undefined,
  });
  const take = (kind: CommandName) => (_: unknown, command: Command) => {
    line = { kind, options: command.opts<GivenOptions>(), excess: command.args };
  };
  withSettings(program.command("run", { isDefault: true }))
    .description("serve the API and the nodes (the default)")
    .action(take("run"));
  withSettings(program.command("migrate"))
    .description("bring the database to the schema of this version, then end")
    .action(take("migrate"));
  withSettings(program.command("raise-epoch"))
    .description("after the database was restored: nodes take what it has, although it is older")
    .action(take("raise-epoch"));
  try {
    program.parse(argv, { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return { kind: "help", text: output.join("") };
    return { kind: "invalid", problems: [error.message.replace(/^error: /, "")] };
  }
  return line;
}

function withSettings(command: Command): Command {
  return command
    .option("--port <number>", "port to listen on, 8080 unless set (MIDSTREAM_PORT)")
    .option("--host <address>", "address to listen on, 127.0.0.1 unless set (MIDSTREAM_HOST)")
    .option(
      "--data <dir>",
      "folder for what is kept, .midstream/control unless set (MIDSTREAM_DATA)",
    )
    .option("--tls-cert <file>", "certificate chain in PEM (MIDSTREAM_TLS_CERT)")
    .option("--tls-key <file>", "its private key in PEM (MIDSTREAM_TLS_KEY)")
    .option(
      "--trusted-proxy <cidr...>",
      "peers whose X-Forwarded-For is believed (MIDSTREAM_TRUSTED_PROXIES, by comma)",
    )
    .option(
      "--master-key-file <file>",
      "key that seals secrets, made on first start, <data>/master-key unless set (MIDSTREAM_MASTER_KEY_FILE)",
    )
    .option("--log-level <level>", `${logLevels.join(", ")} (MIDSTREAM_LOG_LEVEL)`)
    .option("--no-notify", "announce no change through Postgres, sweep only (MIDSTREAM_NOTIFY=off)")
    .addHelpText("after", "\nDATABASE_URL names a Postgres; without it one is started in <data>.")
    .allowUnknownOption()
    .allowExcessArguments();
}
