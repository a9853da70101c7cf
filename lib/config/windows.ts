/** The windows of a policy, as keyturn.yaml has them: hours of the week on the clock of some place. */
import * as z from 'zod';
import { type Weekday, weekdays } from '../rotation/credential.ts';

const from = z
  .string()
  .regex(/^([01]\d|2[0-3]):(00|15|30|45)$/, {
    error: 'expected a quarter of an hour such as 22:00 or 06:15',
  })
  .meta({ description: 'When it opens, on a quarter of an hour.' });

const to = z
  .string()
  .regex(/^(([01]\d|2[0-3]):(00|15|30|45)|24:00)$/, {
    error: 'expected a quarter of an hour such as 06:15, or 24:00',
  })
  .meta({ description: 'When it closes. Not after `from`: on the next day.' });

const timeZone = z
  .string()
  .superRefine((name, context) => {
    if (isTimeZone(name)) return;
    const params = { received: name, known: [...listed] };
    const message = 'expected the name of a time zone such as Europe/Berlin';
    context.addIssue({ code: 'custom', message, params, input: name });
  })
  .default('UTC')
  .meta({ description: 'A name of the IANA time zone database.' });

const windowSchema = z
  .strictObject({
    days: z
      .array(z.enum(weekdays))
      .min(1)
      .refine((days) => new Set(days).size === days.length, { error: 'names a day twice' })
      .default([...weekdays] satisfies Weekday[])
      .meta({ description: 'Days on which it opens.' }),
    from,
    to,
    timeZone,
  })
  .meta({ id: 'window' });

/** One window, or a list of them. */
export const windowsSchema = z
  .union([windowSchema, z.array(windowSchema).min(1)], {
    error: 'expected { days, from, to, timeZone }, or a list of these',
  })
  .transform((found) => (Array.isArray(found) ? found : [found]));

const listed: ReadonlySet<string> = new Set([...Intl.supportedValuesOf('timeZone'), 'UTC']);

/** The list lacks older names; Intl takes offsets such as +01:00 as well, which know no summer. */
function isTimeZone(name: string): boolean {
  if (listed.has(name)) return true;
  if (!/^[A-Za-z]/.test(name)) return false;
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}
