/** Times as people say them. */
import { type Instant, type Seconds, secondsBetween } from './instant.ts';

/** Lengths of time: `12 s`, `4 min`, `3 h`, `41 d`, in steps that still tell two of them apart. */
export function span(seconds: Seconds): string {
  const whole = Math.max(0, Math.floor(seconds));
  if (whole < 120) return `${whole} s`;
  if (whole < 2 * 3600) return `${Math.floor(whole / 60)} min`;
  return whole < 48 * 3600 ? `${Math.floor(whole / 3600)} h` : `${Math.floor(whole / 86_400)} d`;
}

/** `10:42:05Z` on the day of `now`, with the date on any other. */
export function clockTime(at: Instant, now: Instant): string {
  const clock = `${at.slice(11, 19)}Z`;
  return at.slice(0, 10) === now.slice(0, 10) ? clock : `${at.slice(0, 10)} ${clock}`;
}

/** `10:42:05Z, 3 min ago`. */
export const timeAndAge = (at: Instant, now: Instant): string =>
  `${clockTime(at, now)}, ${span(secondsBetween(at, now))} ago`;
