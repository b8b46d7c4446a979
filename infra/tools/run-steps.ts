/** How one check went. */
export interface StepOutcome {
  readonly ok: boolean;
  /** Everything the tool said; shown only when the check is red. */
  readonly output: string;
  /** A few words for the green line, such as how much was looked at. */
  readonly note?: string;
}

export interface Step {
  readonly name: string;
  /** One sentence: what to do when it is red. */
  readonly remedy: string;
  run(): Promise<StepOutcome>;
}

export interface StepReport {
  readonly step: Step;
  readonly outcome: StepOutcome;
  readonly tookMs: number;
}

/**
 * Runs all steps, at most `lanes` at a time, and tells each report as it comes. A red step does not
 * keep the others from running: whoever reads the output wants all problems at once.
 */
export async function runSteps(
  steps: readonly Step[],
  lanes: number,
  onReport: (report: StepReport) => void,
): Promise<readonly StepReport[]> {
  const waiting = [...steps];
  const reports: StepReport[] = [];
  const lane = async (): Promise<void> => {
    for (let step = waiting.shift(); step !== undefined; step = waiting.shift()) {
      // oxlint-disable-next-line no-await-in-loop -- a lane runs one step after the other
      const report = await runStep(step);
      reports.push(report);
      onReport(report);
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  return reports;
}

async function runStep(step: Step): Promise<StepReport> {
  const startedMs = performance.now();
  const outcome = await step.run().catch(crashed);
  return { step, outcome, tookMs: performance.now() - startedMs };
}

/** A check that crashed has not found the tree to be right. */
function crashed(error: unknown): StepOutcome {
  return {
    ok: false,
    output: error instanceof Error ? (error.stack ?? error.message) : String(error),
  };
}
