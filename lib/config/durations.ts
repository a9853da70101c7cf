/** Durations of keyturn.yaml, read to seconds. */
import * as z from 'zod';
import { durationExpected, parseDuration } from '../issuers/durations.ts';
import type { Seconds } from '../usage/instant.ts';

/** `10s`, `15m`, `4h`, `30d`: longer than nothing, as seconds. */
export const duration = z
  .string({ error: wrongType })
  .meta({ id: 'duration', pattern: '^(?!0+[smhd])[0-9]{1,6}[smhd]$', examples: ['10s', '15m', '4h', '30d'] })
  .transform((text, context): Seconds => {
    const seconds = parseDuration(text);
    if (seconds !== undefined && seconds > 0) return seconds;
    context.addIssue({ code: 'custom', message: durationExpected, input: text });
    return z.NEVER;
  });

/** Seconds as a person would write them, in the largest unit that leaves no rest. */
export function writeDuration(seconds: Seconds): string {
  const units = [
    ['d', 86_400],
    ['h', 3_600],
    ['m', 60],
  ] as const;
  const [unit, size] = units.find(([, each]) => seconds % each === 0) ?? ['s', 1];
  return `${seconds / size}${unit}`;
}

function wrongType(): string {
  return durationExpected;
}
