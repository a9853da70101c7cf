/** Moments as people say them, seen from now. */
import { type Instant, secondsBetween } from '../../usage/instant.ts';
import { span } from '../../usage/span.ts';

/** `never` for what has not happened. */
export const ago = (at: Instant | null, now: Instant): string =>
  at === null ? 'never' : `${span(secondsBetween(at, now))} ago`;

/** `in 3 h`, or `now` when it has passed. */
export const ahead = (at: Instant, now: Instant): string =>
  at <= now ? 'now' : `in ${span(secondsBetween(now, at))}`;
