/** A clock that only the test moves, so that a rotation of a week takes no time. */
import type { Clock } from '../../lib/rotation/ports.ts';
import { type Instant, plus, type Seconds } from '../../lib/usage/instant.ts';

export interface ManualClock extends Clock {
  /** Moves on by so many seconds. */
  advance(seconds: Seconds): void;
  /** Jumps there, back as well. */
  set(now: Instant): void;
}

/** @param start where it stands at first; builders make their rows around the default. */
export function manualClock(start: Instant = '2026-03-02T08:00:00.000Z'): ManualClock {
  let now = start;
  const advance = (seconds: Seconds): void => {
    now = plus(now, seconds);
  };
  return {
    now: () => now,
    sleep: async (seconds) => advance(seconds),
    advance,
    set: (then) => {
      now = then;
    },
  };
}
