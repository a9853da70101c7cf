/** Calls by day and consumer as a table for people, with their sums. */
import type { Instant } from '../../usage/instant.ts';
import type { Calls, UsageSince } from '../commands/usage.ts';
import { table } from './table.ts';
import { ago } from './time.ts';

export const usageTable = (
  { since, days, consumers, total }: UsageSince,
  now: Instant,
): readonly string[] => [
  ...table(
    ['DAY', 'CONSUMER', 'CALLS', 'REFUSED', 'WITH KEY', 'LAST CALL'],
    days.map(({ day, consumer, generations, lastUsedAt, ...calls }) => [
      day,
      consumer,
      ...cells(calls),
      generations.join(', '),
      ago(lastUsedAt, now),
    ]),
  ),
  '',
  ...table(
    ['CONSUMER', 'CALLS', 'REFUSED'],
    [
      ...consumers.map(({ consumer, ...calls }) => [consumer, ...cells(calls)]),
      [`all, since ${since}`, ...cells(total)],
    ],
  ),
];

const cells = ({ calls, denied }: Calls): readonly string[] => [`${calls}`, `${denied}`];
