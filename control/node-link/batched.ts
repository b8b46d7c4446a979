/** How many inputs one run takes at most. */
export interface BatchOptions {
  readonly sizeMax: number;
}

interface Waiting<I, O> {
  readonly input: I;
  readonly resolve: (output: O) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Makes one run of many calls: while a run is under way, the inputs of further calls gather for the
 * next one. Alone, a call runs at once; under load, batches grow by themselves.
 *
 * @param run gives one output per input, in their order; when it rejects, all its callers do
 */
export function batched<I, O>(
  run: (inputs: readonly I[]) => Promise<readonly O[]>,
  options: BatchOptions,
): (input: I) => Promise<O> {
  const waiting: Waiting<I, O>[] = [];
  let running = false;

  const runOnce = async (): Promise<void> => {
    const batch = waiting.splice(0, options.sizeMax);
    try {
      const outputs = await run(batch.map(({ input }) => input));
      for (const [index, { resolve, reject }] of batch.entries()) {
        const output = outputs[index];
        if (output === undefined) reject(new TypeError("a batch gave too few outputs"));
        else resolve(output);
      }
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
  };

  const runAll = async (): Promise<void> => {
    running = true;
    // One turn for calls that come in the same tick.
    await Promise.resolve();
    while (waiting.length > 0) {
      // oxlint-disable-next-line no-await-in-loop -- one run at a time is what makes batches
      await runOnce();
    }
    running = false;
  };

  return (input) =>
    new Promise((resolve, reject) => {
      waiting.push({ input, resolve, reject });
      if (!running) void runAll();
    });
}
