/** Points in time as the ledger holds them, and the little arithmetic that the core needs. */

/** An ISO 8601 instant in UTC with milliseconds, as `Date.prototype.toISOString` writes it; sorts as text. */
export type Instant = string;

/** Seconds, whole or fractional: the one unit of every duration in the core. */
export type Seconds = number;

export const instant = (milliseconds: number): Instant => new Date(milliseconds).toISOString();

/** The instant `seconds` after `from` (before it, when negative). */
export const plus = (from: Instant, seconds: Seconds): Instant => instant(Date.parse(from) + seconds * 1000);

/** Seconds from `from` to `to`; negative when `to` is earlier. */
export const secondsBetween = (from: Instant, to: Instant): Seconds =>
  (Date.parse(to) - Date.parse(from)) / 1000;

/** The latest of the given instants, which are not none. */
export const latest = (first: Instant, ...rest: readonly Instant[]): Instant =>
  rest.reduce((a, b) => (a > b ? a : b), first);

/** The earliest of the given instants, which are not none. */
export const earliest = (first: Instant, ...rest: readonly Instant[]): Instant =>
  rest.reduce((a, b) => (a < b ? a : b), first);

/** The latest of what there is; null when there is none. */
export const newest = (instants: readonly (Instant | null | undefined)[]): Instant | null =>
  instants.reduce<Instant | null>((a, b) => (b && (!a || b > a) ? b : a), null);
