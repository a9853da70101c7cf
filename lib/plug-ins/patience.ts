/** How long one call of a plug-in may take, so that the step outlives it and can say what happened. */
import type { Clock } from '../rotation/ports.ts';
import { type Instant, type Seconds, secondsBetween } from '../usage/instant.ts';

export interface Patience {
  readonly clock: Pick<Clock, 'now'>;
  /** When the invocation that runs now is killed. */
  deadline(): Instant;
}

/** Milliseconds: at most `timeout`, and at most half of what the invocation has left; 0 when that is nothing. */
export function millisecondsFor({ clock, deadline }: Patience, timeout: Seconds): number {
  const half = secondsBetween(clock.now(), deadline()) / 2;
  return Math.max(0, Math.floor(Math.min(timeout, half) * 1000));
}
