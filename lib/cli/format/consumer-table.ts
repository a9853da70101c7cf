/** Consumers as reports show them, as a table for people. */
import type { Instant } from '../../usage/instant.ts';
import type { ConsumerSeen } from '../commands/consumers-seen.ts';
import { table } from './table.ts';
import { ago } from './time.ts';

export const consumerTable = (consumers: readonly ConsumerSeen[], now: Instant): readonly string[] =>
  table(
    ['CONSUMER', 'PROCESSES', 'LAST SEEN', 'HOLDS KEY', 'LAST USES'],
    consumers.map((one) => [
      nameOf(one),
      `${one.processes}`,
      ago(one.lastSeen, now),
      one.holds.join(', ') || '-',
      one.lastUse.map(({ generation, at }) => `key ${generation} ${ago(at, now)}`).join(', ') || '-',
    ]),
  );

function nameOf({ consumer, declared, foreign }: ConsumerSeen): string {
  if (foreign) return `${consumer} (not the role that is declared)`;
  return declared ? consumer : `${consumer} (not declared)`;
}
