/** A state machine that only remembers what was started, and who waits to be woken. */
import type { Executions } from '../../lib/rotation/ports.ts';
import type { Instant } from '../../lib/usage/instant.ts';
import { someTime } from '../support/builders.ts';
import { copy } from './copy.ts';

interface StartedExecution {
  readonly name: string;
  readonly input: Parameters<Executions['start']>[1];
  readonly at: Instant;
}

export interface MemoryExecutions extends Executions {
  /** What runs, in order of start; a name starts once. */
  readonly started: readonly StartedExecution[];
  /** Tokens that have woken somebody, in order. */
  readonly woken: readonly string[];
  /** Ends what runs under this name; the name stays used up. */
  end(name: string): void;
  /**
   * Waits with a task token: the first `wake` with it calls `go`.
   * @returns what ends the wait without that.
   */
  waitFor(token: string, go?: () => void): () => void;
}

/** @param now what the clock says; by default always the same. */
export function memoryExecutions(now: () => Instant = () => someTime): MemoryExecutions {
  const started: StartedExecution[] = [];
  const ended = new Set<string>();
  const waiting = new Map<string, () => void>();
  const woken: string[] = [];
  return {
    started,
    woken,
    async start(name, input) {
      if (!started.some((execution) => execution.name === name))
        started.push({ name, input: copy(input), at: now() });
      return ended.has(name) ? 'ended' : 'runs';
    },
    async state(name) {
      const execution = started.find((each) => each.name === name);
      if (!execution) return { status: 'ended', startedAt: null };
      return { status: ended.has(name) ? 'ended' : 'runs', startedAt: execution.at };
    },
    async wake(token) {
      const go = waiting.get(token);
      if (!go) return false;
      waiting.delete(token);
      woken.push(token);
      go();
      return true;
    },
    waitFor(token, go = () => {}) {
      waiting.set(token, go);
      return () => void waiting.delete(token);
    },
    end(name) {
      ended.add(name);
    },
  };
}
