/** What a run has to stop in the end, however it ends; Ctrl-C once stops it in order, twice at once. */

export interface CleanUp {
  /**
   * Stops later what has been started now; the last one added is stopped first.
   * @param force what can be done without waiting, when a person has lost patience
   */
  add(stop: () => Promise<unknown>, force?: () => void): void;
  readonly force: () => void;
  /** Stops everything, also when one part cannot be stopped. @throws AggregateError with what could not. */
  readonly run: () => Promise<void>;
}

export function cleanUp(): CleanUp {
  const stops: (() => Promise<unknown>)[] = [];
  const forces: (() => void)[] = [];
  return {
    add: (stop, force) => {
      stops.push(stop);
      if (force) forces.push(force);
    },
    force: () => {
      for (const force of forces) force();
    },
    run: async () => {
      const errors: unknown[] = [];
      for (let stop = stops.pop(); stop; stop = stops.pop()) {
        await stop().catch((error: unknown) => errors.push(error));
      }
      if (errors.length > 0) throw new AggregateError(errors, 'not everything could be stopped');
    },
  };
}

/** The person at the terminal, or whatever runs us, wants us to end. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';
  readonly exitCode: number;

  constructor(signal: keyof typeof exitCodes) {
    super(`stopped by ${signal}`);
    this.exitCode = exitCodes[signal];
  }
}

/** 128 and the signal's number, as shells have it. */
const exitCodes = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

/**
 * Aborted by the first signal. The second ends this process without waiting: its children notice and end too.
 *
 * @param force runs before a forced end; it must not wait for anything.
 */
export function interruption(force: () => void): AbortSignal {
  const interrupted = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      const reason = new Interrupted(signal);
      if (!interrupted.signal.aborted) return interrupted.abort(reason);
      force();
      process.exit(reason.exitCode);
    });
  }
  return interrupted.signal;
}
