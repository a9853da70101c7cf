/** Durations as people write them in keyturn.yaml: `10s`, `15m`, `4h`, `30d`. */
import * as z from 'zod';
import type { Seconds } from '../usage/instant.ts';

const secondsPer = { s: 1, m: 60, h: 3_600, d: 86_400 } as const;

/** What to write instead, for error texts. */
export const durationExpected = 'expected a duration such as 10s, 15m, 4h or 30d';

/** @returns seconds, or undefined when the text is no duration. */
export function parseDuration(text: string): Seconds | undefined {
  const [, count, unit] = /^(\d{1,6})(s|m|h|d)$/.exec(text) ?? [];
  if (unit === 's' || unit === 'm' || unit === 'h' || unit === 'd') return Number(count) * secondsPer[unit];
  return undefined;
}

/** Seconds of a text that a schema has accepted as a duration. */
export function secondsOf(text: string): Seconds {
  const seconds = parseDuration(text);
  if (seconds === undefined) throw new TypeError(`${JSON.stringify(text)} is not a duration`);
  return seconds;
}

/** A duration within bounds, kept as its text, so that an accepted block can be stored and accepted again. */
export const durationText = (bounds: { readonly min: string; readonly max: string }) =>
  z.string().refine((text) => isWithin(text, bounds), {
    error: `${durationExpected}, from ${bounds.min} to ${bounds.max}`,
  });

function isWithin(text: string, { min, max }: { readonly min: string; readonly max: string }): boolean {
  const seconds = parseDuration(text);
  return seconds !== undefined && seconds >= secondsOf(min) && seconds <= secondsOf(max);
}
