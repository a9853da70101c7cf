/** Keeps requests apart in time, where AWS takes only so many a second for one place. */
import type { Clock } from '../rotation/ports.ts';

/** @returns waits until the next `units` may go: evenly, so that no second sees more than `perSecond` begin. */
export function paced(perSecond: number, clock: Clock): (units?: number) => Promise<void> {
  let freeAtMs = 0;
  return async (units = 1) => {
    const now = Date.parse(clock.now());
    const startsAt = Math.max(freeAtMs, now);
    freeAtMs = startsAt + (1000 * units) / perSecond;
    if (startsAt > now) await clock.sleep((startsAt - now) / 1000);
  };
}
