/** The minutes that a chart shows, and the calls in each of them. */
import { type Instant, instant } from '../../usage/instant.ts';
import type { UsageRow } from '../../usage/usage-book.ts';

export interface Minutes {
  /** Begin of the first minute. */
  readonly from: Instant;
  /** How many there are; the last is the one that runs. */
  readonly minutes: number;
}

const minuteMs = 60_000;

/** The minute of `now`, and those before it. */
export const minutesUntil = (now: Instant, minutes: number): Minutes => ({
  from: instant((Math.floor(Date.parse(now) / minuteMs) - minutes + 1) * minuteMs),
  minutes,
});

/** Minutes are named by the caller's clock: one that is ahead of ours falls into the last. */
export function callsByMinute(
  rows: readonly Pick<UsageRow, 'minute' | 'ok' | 'denied'>[],
  { from, minutes }: Minutes,
): { readonly counts: readonly number[]; readonly denied: readonly number[] } {
  const counts = Array.from({ length: minutes }, () => 0);
  const denied = Array.from({ length: minutes }, () => 0);
  for (const row of rows) {
    const at = Math.min(minutes - 1, Math.floor((Date.parse(row.minute) - Date.parse(from)) / minuteMs));
    if (at < 0) continue;
    counts[at] = (counts[at] ?? 0) + row.ok + row.denied;
    denied[at] = (denied[at] ?? 0) + row.denied;
  }
  return { counts, denied };
}
