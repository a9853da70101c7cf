/** Processes that have left, put together: their last uses are all that any verdict reads of them. */
import { type Instant, latest } from './instant.ts';
import { withNewer } from './newer.ts';
import type { Presence } from './presence.ts';

/** In place of an instance; no report can have it. */
const leftInstance = '(left)';

interface Leaver extends Presence {
  readonly leftAt: Instant;
}

/**
 * Takes rows in pages and holds few: one for each process that stays, and for each consumer one for all of its
 * processes that have left, with the newest of their times and last uses.
 */
export function withoutLeavers() {
  const staying: Presence[] = [];
  const left = new Map<string, Leaver>();
  return {
    add(rows: readonly Presence[]): void {
      for (const row of rows) {
        const { leftAt, consumer } = row;
        if (leftAt === null) staying.push(row);
        else left.set(consumer, together(left.get(consumer), { ...row, leftAt }));
      }
    },
    all: (): readonly Presence[] => [...staying, ...left.values()],
  };
}

function together(known: Leaver | undefined, row: Leaver): Leaver {
  const leaver: Leaver = { ...row, instance: leftInstance, holds: [] };
  if (!known) return leaver;
  return {
    ...withNewer(known, leaver),
    lastSeen: latest(known.lastSeen, row.lastSeen),
    windowEnd: latest(known.windowEnd, row.windowEnd),
    leftAt: latest(known.leftAt, row.leftAt),
  };
}
