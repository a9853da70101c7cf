/** Folds reports into the rows that keep them: duplicates, resends and disorder leave no trace. */
import { earliest, type Instant, instant } from './instant.ts';
import type { Presence } from './presence.ts';
import type { KeyUse, Rejection, UsageReport } from './report.ts';
import { usageShard } from './shard.ts';
import { type Generations, type UsageRow, type UsageUpdates, withNewer } from './usage-book.ts';

/** A report as the queue delivered it. */
export interface ReportMessage {
  readonly messageId: string;
  readonly report: UsageReport;
  /** SQS's SentTimestamp: when the queue took it, by a clock that we trust. */
  readonly sentTimestampMs: number;
}

export interface Folded extends UsageUpdates {
  /** Parts of messages that do not count; the rest of those messages does. */
  readonly rejected: readonly Rejection[];
}

/**
 * One batch in memory, at most one entry per row: the highest `seq` wins, and a key's last use is the latest of
 * all. Pure; folding the same messages in any order and any number of times gives the same rows.
 *
 * @param known generations by version id, by credential id; whatever is not in there is rejected.
 */
export function foldReports(
  messages: readonly ReportMessage[],
  known: ReadonlyMap<string, Generations>,
): Folded {
  const presence = new Map<string, Presence>();
  const usage = new Map<string, UsageRow>();
  for (const message of messages) {
    for (const row of presenceRows(message, known)) {
      const name = [row.credentialId, row.consumer, row.instance].join();
      presence.set(name, withNewer(presence.get(name), row));
    }
    for (const row of usageRows(message, known)) {
      const name = [row.credentialId, row.generation, row.consumer, row.instance, row.minute].join();
      if ((usage.get(name)?.seq ?? -1) < row.seq) usage.set(name, row);
    }
  }
  const rejected = messages.flatMap((message) => rejections(message, known));
  return { presence: [...presence.values()], usage: [...usage.values()], rejected };
}

/** The credentials that a report speaks of, each once. */
export const credentialsOf = ({ credentials, keys }: UsageReport): readonly string[] => [
  ...new Set([...credentials, ...keys.map(({ credential }) => credential)]),
];

function presenceRows(message: ReportMessage, known: ReadonlyMap<string, Generations>): readonly Presence[] {
  const { report, sentTimestampMs } = message;
  const ours = onOurClock(message);
  const windowEnd = ours(report.windowEnd);
  return credentialsOf(report).flatMap((credentialId) => {
    const generations = known.get(credentialId);
    if (!generations) return [];
    return {
      credentialId,
      consumer: report.consumer,
      instance: report.instance,
      seq: report.seq,
      windowEnd,
      lastSeen: instant(sentTimestampMs),
      leftAt: report.leaving ? windowEnd : null,
      holds: report.holds,
      lastUse: lastUses(report.keys.filter(isKnownKey(credentialId, generations)), ours),
    };
  });
}

const isKnownKey =
  (credentialId: string, generations: Generations) =>
  ({ credential, versionId }: KeyUse): boolean =>
    credential === credentialId && generations.has(versionId);

function lastUses(
  keys: readonly KeyUse[],
  ours: (at: Instant) => Instant,
): Readonly<Record<string, Instant>> {
  const uses = new Map<string, Instant>();
  for (const { versionId, lastUsedAt } of keys) {
    const known = uses.get(versionId);
    const use = ours(lastUsedAt);
    if (!known || known < use) uses.set(versionId, use);
  }
  return Object.fromEntries(uses);
}

/** Entries from before the window are there to repeat the last use; the queue has their counts already. */
function usageRows(message: ReportMessage, known: ReadonlyMap<string, Generations>): readonly UsageRow[] {
  const { report } = message;
  const { consumer, instance, seq } = report;
  const ours = onOurClock(message);
  return report.keys.flatMap(({ credential, versionId, minute, ok, denied, firstUsedAt, lastUsedAt }) => {
    const generation = known.get(credential)?.get(versionId);
    if (generation === undefined || lastUsedAt < report.windowStart) return [];
    return {
      credentialId: credential,
      generation,
      shard: usageShard(consumer, instance),
      consumer,
      instance,
      minute,
      seq,
      ok,
      denied,
      firstUsedAt: ours(firstUsedAt),
      lastUsedAt: ours(lastUsedAt),
    };
  });
}

/** Shifted by what the client's clock is off, and the way to the queue. Nothing has happened after it was told. */
function onOurClock({ report, sentTimestampMs }: ReportMessage): (at: Instant) => Instant {
  const shiftMs = sentTimestampMs - Date.parse(report.sentAt);
  return (at) => earliest(instant(Date.parse(at) + shiftMs), instant(sentTimestampMs));
}

/** At most one per message, with the first thing that is unknown and the number of the others. */
function rejections(
  { messageId, report }: ReportMessage,
  known: ReadonlyMap<string, Generations>,
): readonly Rejection[] {
  const credentials = credentialsOf(report).filter((id) => !known.has(id));
  const versions = report.keys.filter(
    ({ credential, versionId }) => known.get(credential)?.has(versionId) === false,
  );
  const more = credentials.length + new Set(versions.map(({ versionId }) => versionId)).size - 1;
  const others = more > 0 ? ` (and ${more} more like it)` : '';
  const [credential] = credentials;
  if (credential !== undefined) {
    const reason = `credential ${credential} is not registered: consumer ${report.consumer} reports on it${others}`;
    return [{ messageId, code: 'unknown credential', reason }];
  }
  const [version] = versions;
  if (version === undefined) return [];
  const reason = `version ${version.versionId} is no key of credential ${version.credential}: consumer ${report.consumer} has used it${others}`;
  return [{ messageId, code: 'unknown version', reason }];
}
