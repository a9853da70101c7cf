/** Windows: the hours of the week in which a rotation may start, promote and revoke. */
import { type Instant, plus, type Seconds } from '../usage/instant.ts';
import { type Weekday, type Window, weekdays } from './credential.ts';

/** Every zone's offset, and every change of it, is a multiple of this; so are the ends of a window. */
const quarter: Seconds = 900;

/** A week has every hour that a window can name; the next one has it too, if a change of the clocks skips it. */
const looksAhead = (15 * 86_400) / quarter;

/**
 * `at` itself when some window is open then, or when there are none; else when the next one opens.
 *
 * It looks at each quarter of an hour as a clock on the wall there shows it, so that it is right on the days on which
 * the clocks change: an hour that does not exist opens nothing, one that comes twice opens twice.
 */
export function opensAt(windows: readonly Window[] | undefined, at: Instant): Instant {
  if (!windows || windows.length === 0 || isOpen(windows, at)) return at;
  const since = Math.floor(Date.parse(at) / 1000 / quarter) * quarter;
  for (let step = 1; step <= looksAhead; step += 1) {
    const next = new Date((since + step * quarter) * 1000).toISOString();
    if (isOpen(windows, next)) return next;
  }
  // No hour of the week fits, which keyturn.yaml's schema does not let through: look again tomorrow.
  return plus(at, 86_400);
}

const isOpen = (windows: readonly Window[], at: Instant): boolean =>
  windows.some((window) => covers(window, at));

/** A window that ends before it begins goes on past midnight, and belongs to the day on which it began. */
function covers({ days, from, to, timeZone }: Window, at: Instant): boolean {
  const { day, time } = wallClock(timeZone, at);
  if (from < to) return days.includes(day) && time >= from && time < to;
  const yesterday = weekdays[(weekdays.indexOf(day) + 6) % 7] ?? day;
  return (days.includes(day) && time >= from) || (days.includes(yesterday) && time < to);
}

const formats = new Map<string, Intl.DateTimeFormat>();

function wallClock(timeZone: string, at: Instant): { readonly day: Weekday; readonly time: string } {
  const format =
    formats.get(timeZone) ??
    new Intl.DateTimeFormat('en-GB', {
      timeZone,
      weekday: 'short',
      hour: '2-digit',
      minute: '2-digit',
      hourCycle: 'h23',
    });
  formats.set(timeZone, format);
  const parts = new Map(format.formatToParts(new Date(at)).map(({ type, value }) => [type, value]));
  const weekday = parts.get('weekday')?.toLowerCase();
  const day = weekdays.find((each) => each === weekday) ?? 'mon';
  return { day, time: `${parts.get('hour')}:${parts.get('minute')}` };
}
