/** The credentials of a stack as a table for people. */
import type { Instant } from '../../usage/instant.ts';
import type { CredentialLine } from '../commands/standing.ts';
import type { Paint } from './colour.ts';
import { table } from './table.ts';
import { ago, ahead } from './time.ts';

const header = ['CREDENTIAL', 'OWNER', 'STATUS', 'KEY', 'PROMOTED', 'PHASE', 'DUE', 'WAITS FOR'];

export function credentialList(
  lines: readonly CredentialLine[],
  now: Instant,
  paint: Paint,
): readonly string[] {
  return table(
    header,
    lines.map((line) => [
      line.id,
      line.owner,
      paint(line.status),
      line.generation === 0 ? '-' : `${line.generation}`,
      ago(line.promotedAt, now),
      line.phase ?? '-',
      line.dueAt ? ahead(line.dueAt, now) : '-',
      line.waitsFor ?? '-',
    ]),
  );
}
