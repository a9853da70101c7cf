/** Several works on one manual clock: it moves only while all of them sleep, and then to whoever wakes first. */
import type { Clock } from '../../../lib/rotation/ports.ts';
import { type Instant, plus, type Seconds } from '../../../lib/usage/instant.ts';
import type { ManualClock } from '../../fakes/manual-clock.ts';

export interface Timeline extends Clock {
  sleepUntil(then: Instant): Promise<void>;
  /**
   * Sleeps until `then`, or until the `wake` is called that `asleep` is handed.
   * @returns whether it was woken.
   */
  sleepUnlessWoken(then: Instant, asleep: (wake: () => void) => void): Promise<boolean>;
  /** Begins a work beside those that are under way. */
  begin(work: () => Promise<void>): void;
  /** Works side by side, at most `limit` at a time, for a work that waits until all are done. */
  together<T>(works: readonly (() => Promise<T>)[], limit: number): Promise<readonly T[]>;
  /**
   * Lets time pass until every work has ended, or until it would be later than `until`.
   * @throws what a work threw.
   */
  run(until?: Instant): Promise<void>;
}

interface Sleeper {
  readonly until: Instant;
  readonly wake: () => void;
}

/** A work that waits for a real answer, of a server say, keeps the clock where it is. */
export function timelineOn(clock: ManualClock): Timeline {
  /** In order of waking; of the same moment, in order of falling asleep. */
  const sleepers: Sleeper[] = [];
  const failures: unknown[] = [];
  let awake = 0;
  let atRest: (() => void) | undefined;

  const rest = (): void => {
    awake -= 1;
    if (awake === 0) atRest?.();
  };
  const sleepUnlessWoken: Timeline['sleepUnlessWoken'] = async (until, asleep) => {
    const slept = new Promise<boolean>((resolve) => {
      const sleeper = { until, wake: () => resolve(false) };
      const index = sleepers.findLastIndex((other) => other.until <= until) + 1;
      sleepers.splice(index, 0, sleeper);
      asleep(() => {
        const place = sleepers.indexOf(sleeper);
        if (place < 0) return;
        sleepers.splice(place, 1);
        awake += 1;
        resolve(true);
      });
    });
    rest();
    return slept;
  };
  const sleepUntil = async (until: Instant): Promise<void> => {
    if (until > clock.now()) await sleepUnlessWoken(until, () => {});
  };
  const begin = (work: () => Promise<void>): void => {
    awake += 1;
    work()
      .catch((error: unknown) => void failures.push(error))
      .finally(rest);
  };
  const together = async <T>(works: readonly (() => Promise<T>)[], limit: number): Promise<readonly T[]> => {
    const results: T[] = [];
    const left = works.entries();
    const lanes = Math.min(limit > 0 ? limit : works.length, works.length);
    let running = lanes;
    // The waiting work lends itself to the first lane and gets itself back from the last.
    awake += Math.max(0, lanes - 1);
    const lane = async (): Promise<void> => {
      try {
        for (const [index, work] of left) results[index] = await work();
      } finally {
        running -= 1;
        if (running > 0) rest();
      }
    };
    const ended = await Promise.allSettled(Array.from({ length: lanes }, lane));
    const failed = ended.find((each) => each.status === 'rejected');
    if (failed) throw failed.reason;
    return results;
  };
  const run = async (until?: Instant): Promise<void> => {
    for (;;) {
      if (awake > 0) await new Promise<void>((resolve) => (atRest = resolve));
      if (failures.length > 0) throw failures[0];
      const next = sleepers[0];
      if (!next || (until && next.until > until)) break;
      sleepers.shift();
      clock.set(next.until);
      awake += 1;
      next.wake();
    }
    if (until && clock.now() < until) clock.set(until);
  };
  return {
    now: clock.now,
    sleep: (seconds: Seconds) => sleepUntil(plus(clock.now(), seconds)),
    sleepUntil,
    sleepUnlessWoken,
    begin,
    together,
    run,
  };
}
