/** Folds reports into the rows that keep them: duplicates, resends and disorder leave no trace. */
import { earliest, type Instant, instant, type Seconds } from './instant.ts';
import { withNewer, withNewerCounts } from './newer.ts';
import type { Presence } from './presence.ts';
import { rejectionOf } from './rejection.ts';
import type { KeyUse, Rejection } from './report.ts';
import {
  credentialsOf,
  isRepetition,
  isTooOld,
  type KnownCredentials,
  type ReportMessage,
} from './report-message.ts';
import { usageShard } from './shard.ts';
import { speakerOf } from './speaker.ts';
import type { UsageRow, UsageUpdates } from './usage-book.ts';

export interface Folded extends UsageUpdates {
  /** Parts of messages that do not count; the rest of those messages does. */
  readonly rejected: readonly Rejection[];
}

/** What a message says of one credential that keyturn knows. */
interface Part {
  readonly message: ReportMessage;
  readonly credentialId: string;
  readonly generations: ReadonlyMap<string, number>;
  readonly consumer: string;
  readonly isForeign: boolean;
  /** Uses of keys that keyturn knows. */
  readonly keys: readonly KeyUse[];
  /** A time of the sender's clock on ours. */
  readonly ours: (at: Instant) => Instant;
}

/**
 * One batch in memory, at most one entry per row: the highest `seq` wins, and a key's last use is the latest of
 * all. Pure; folding the same messages in any order and any number of times gives the same rows.
 *
 * @param countsReach how many seconds before its report a use may lie to be counted: see `countsReachOf`.
 */
export function foldReports(
  messages: readonly ReportMessage[],
  known: KnownCredentials,
  countsReach: Seconds,
): Folded {
  const presence = new Map<string, Presence>();
  const usage = new Map<string, UsageRow>();
  for (const part of messages.flatMap((message) => partsOf(message, known))) {
    for (const row of presenceRows(part)) {
      const name = [row.credentialId, row.consumer, row.instance].join();
      presence.set(name, withNewer(presence.get(name), row));
    }
    for (const row of usageRows(part, countsReach)) {
      const name = [row.credentialId, row.generation, row.consumer, row.instance, row.minute].join();
      usage.set(name, withNewerCounts(usage.get(name), row));
    }
  }
  const rejected = messages.flatMap((message) => rejectionOf(message, known, countsReach) ?? []);
  return { presence: [...presence.values()], usage: [...usage.values()], rejected };
}

function partsOf(message: ReportMessage, known: KnownCredentials): readonly Part[] {
  const { report, senderId } = message;
  const ours = onOurClock(message);
  return credentialsOf(report).flatMap((credentialId) => {
    const credential = known.get(credentialId);
    if (!credential) return [];
    const { generations } = credential;
    const { consumer, foreign } = speakerOf(report.consumer, senderId, credential);
    const keys = report.keys.filter(
      (use) => use.credential === credentialId && generations.has(use.versionId),
    );
    return { message, credentialId, generations, consumer, isForeign: foreign !== undefined, keys, ours };
  });
}

/** None for a stranger that has used nothing: its presence and its silence say nothing. */
function presenceRows({ message, credentialId, consumer, isForeign, keys, ours }: Part): readonly Presence[] {
  const { report, sentTimestampMs } = message;
  const windowEnd = ours(report.windowEnd);
  const row = {
    credentialId,
    consumer,
    instance: report.instance,
    seq: report.seq,
    windowEnd,
    lastSeen: instant(sentTimestampMs),
    lastUse: lastUses(keys, ours),
  };
  if (!isForeign) return [{ ...row, leftAt: report.leaving ? windowEnd : null, holds: report.holds }];
  return keys.length === 0 ? [] : [{ ...row, leftAt: null, holds: [], foreign: true }];
}

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

function usageRows(part: Part, countsReach: Seconds): readonly UsageRow[] {
  const { message, credentialId, generations, consumer, keys, ours } = part;
  const { instance, seq } = message.report;
  return keys.flatMap((use) => {
    const generation = generations.get(use.versionId);
    if (generation === undefined || isRepetition(message, use) || isTooOld(message, use, countsReach))
      return [];
    const { minute, ok, denied, sources, destinations, firstUsedAt, lastUsedAt } = use;
    return {
      credentialId,
      generation,
      shard: usageShard(consumer, instance),
      consumer,
      instance,
      minute,
      seq,
      ok,
      denied,
      ...(sources && { sources }),
      ...(destinations && { destinations }),
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
