/** A state machine that only remembers what was started. */
import type { Executions } from '../../lib/rotation/ports.ts';
import { copy } from './copy.ts';

interface StartedExecution {
  readonly name: string;
  readonly input: Parameters<Executions['start']>[1];
}

export interface MemoryExecutions extends Executions {
  /** What runs, in order of start; a name starts once. */
  readonly started: readonly StartedExecution[];
  /** Ends what runs under this name; the name stays used up. */
  end(name: string): void;
}

export function memoryExecutions(): MemoryExecutions {
  const started: StartedExecution[] = [];
  const ended = new Set<string>();
  return {
    started,
    async start(name, input) {
      if (!started.some((execution) => execution.name === name)) started.push({ name, input: copy(input) });
      return ended.has(name) ? 'ended' : 'runs';
    },
    end(name) {
      ended.add(name);
    },
  };
}
