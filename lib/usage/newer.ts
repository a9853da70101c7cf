/** What a row becomes when one more report comes in: the same in whatever order reports come, and however often. */
import { earliest, type Instant, latest } from './instant.ts';
import type { Presence } from './presence.ts';
import type { UsageDay, UsageRow } from './usage-book.ts';

/** The presence row after a report: a key's last use never moves back, and a key once used is not forgotten. */
export function withNewer(older: Presence | undefined, newer: Presence): Presence {
  if (!older) return newer;
  const [last, first] = presenceOrder(older, newer) > 0 ? [older, newer] : [newer, older];
  const lastUse: Record<string, Instant> = { ...first.lastUse };
  for (const [versionId, at] of Object.entries(last.lastUse))
    lastUse[versionId] = latest(at, lastUse[versionId] ?? at);
  return { ...last, lastUse };
}

/**
 * The minute after a report: the counts of the highest `seq`, and the widest span of times, since each message is
 * shifted to our clock by a difference of its own.
 */
export function withNewerCounts(older: UsageRow | undefined, newer: UsageRow): UsageRow {
  if (!older) return newer;
  const last = countsOrder(older, newer) > 0 ? older : newer;
  return { ...last, ...widest(older, newer) };
}

/** A minute that a report changes, or begins where there is no `before`. */
export interface MinuteChange {
  readonly before: UsageRow | undefined;
  readonly after: UsageRow;
}

export type DaySum = Pick<UsageDay, 'ok' | 'denied' | 'firstUsedAt' | 'lastUsedAt'>;

/** The day's sum after minutes of it have changed. */
export function withChanges(sum: DaySum | undefined, changes: readonly MinuteChange[]): DaySum | undefined {
  return changes.map(added).reduce<DaySum | undefined>((a, b) => (a ? together(a, b) : b), sum);
}

/** The day whose sum a minute is part of. */
export const dayOf = ({ minute }: Pick<UsageRow, 'minute'>): string => minute.slice(0, 10);

const added = ({ before, after }: MinuteChange): DaySum => ({
  ok: after.ok - (before?.ok ?? 0),
  denied: after.denied - (before?.denied ?? 0),
  firstUsedAt: after.firstUsedAt,
  lastUsedAt: after.lastUsedAt,
});

const together = (a: DaySum, b: DaySum): DaySum => ({
  ok: a.ok + b.ok,
  denied: a.denied + b.denied,
  ...widest(a, b),
});

type Span = Pick<DaySum, 'firstUsedAt' | 'lastUsedAt'>;

const widest = (a: Span, b: Span): Span => ({
  firstUsedAt: earliest(a.firstUsedAt, b.firstUsedAt),
  lastUsedAt: latest(a.lastUsedAt, b.lastUsedAt),
});

/**
 * One report can be two messages, when the first one's acknowledgement was lost: the one that the queue took first has
 * the truer times. A sender that gives two reports one `seq` breaks the rules: what proves less silence is believed.
 */
const presenceOrder = (a: Presence, b: Presence): number =>
  a.seq - b.seq ||
  textOrder(b.lastSeen, a.lastSeen) ||
  textOrder(b.windowEnd, a.windowEnd) ||
  Number(a.leftAt === null) - Number(b.leftAt === null) ||
  a.holds.length - b.holds.length ||
  textOrder(a.holds.join(), b.holds.join());

const countsOrder = (a: UsageRow, b: UsageRow): number =>
  a.seq - b.seq ||
  a.ok + a.denied - b.ok - b.denied ||
  textOrder(
    JSON.stringify([a.ok, a.sources, a.destinations]),
    JSON.stringify([b.ok, b.sources, b.destinations]),
  );

function textOrder(a: string, b: string): number {
  if (a === b) return 0;
  return a > b ? 1 : -1;
}
