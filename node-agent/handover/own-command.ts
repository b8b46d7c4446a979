export interface SuccessorCommand {
  /** Node, its options, the file and its arguments: as this process was started. */
  readonly words: readonly string[];
  readonly environment: NodeJS.ProcessEnv;
}

/** How this process was started, and so the code that lies there now. */
export function ownCommand(environment: NodeJS.ProcessEnv): SuccessorCommand {
  const { execPath, execArgv, argv } = process;
  return { words: [execPath, ...execArgv, ...argv.slice(1)], environment };
}
