/**
 * What a Retry list says after a failure: wait so long and try again, or give up.
 *
 * @see https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html
 */
import type { Seconds } from '../../../lib/usage/instant.ts';
import type { Retrier } from './definition.ts';

/** Whether `ErrorEquals` means an error; `States.ALL` means all, `States.TaskFailed` what a task has thrown. */
export const means = (ErrorEquals: readonly string[], error: string): boolean =>
  ErrorEquals.some(
    (name) =>
      name === error ||
      name === 'States.ALL' ||
      (name === 'States.TaskFailed' && !error.startsWith('States.')),
  );

/** One state's tries since it was entered: the first retrier that means an error counts its own attempts. */
export function triesOf(retriers: readonly Retrier[], random: () => number) {
  const attempts = new Map<Retrier, number>();
  return {
    /** @returns the seconds until the next try, or undefined when there is none. */
    after: (error: string): Seconds | undefined => {
      const retrier = retriers.find(({ ErrorEquals }) => means(ErrorEquals, error));
      if (!retrier) return undefined;
      const made = attempts.get(retrier) ?? 0;
      if (made >= retrier.MaxAttempts) return undefined;
      attempts.set(retrier, made + 1);
      return delayOf(retrier, made, random);
    },
  };
}

/** @param made attempts before this one. */
function delayOf(
  { IntervalSeconds, BackoffRate, MaxDelaySeconds = Number.POSITIVE_INFINITY, JitterStrategy }: Retrier,
  made: number,
  random: () => number,
): Seconds {
  const delay = Math.min(IntervalSeconds * BackoffRate ** made, MaxDelaySeconds);
  return JitterStrategy === 'FULL' ? delay * random() : delay;
}
