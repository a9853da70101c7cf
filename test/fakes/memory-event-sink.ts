/** An event bus that remembers what it was given. */
import type { EventSink } from '../../lib/rotation/ports.ts';
import { copy } from './copy.ts';

type SentEvent = Parameters<EventSink['put']>[0][number];

export interface MemoryEventSink extends EventSink {
  /** Everything that was put, in order, repeats included. */
  readonly events: readonly SentEvent[];
}

export function memoryEventSink(): MemoryEventSink {
  const events: SentEvent[] = [];
  return {
    events,
    async put(more) {
      events.push(...copy(more));
    },
  };
}
