/** The dead-letter queue in memory: keeps what it is given. */
import type { DeadLetters } from '../../lib/rotation/ports.ts';

export interface MemoryDeadLetters extends DeadLetters {
  readonly letters: readonly { readonly body: string; readonly reason: string }[];
}

export function memoryDeadLetters(): MemoryDeadLetters {
  const letters: { body: string; reason: string }[] = [];
  return {
    letters,
    keep: async (body, reason) => {
      letters.push({ body, reason });
    },
  };
}
