/** Where folded usage is kept: the rows of the ledger that nobody audits, because reports write them all day. */
import type { Instant, Seconds } from './instant.ts';
import type { Presence } from './presence.ts';

/** Uses of one key in one minute by one process, row `USE#<credential>#<generation>#<shard>`. */
export interface UsageRow {
  readonly credentialId: string;
  readonly generation: number;
  /** Spreads one busy key over this many partitions. */
  readonly shard: number;
  readonly consumer: string;
  readonly instance: string;
  /** By the client's clock and not shifted: it names the row, so it must be the same in every resend. */
  readonly minute: string;
  /** Sequence number of the report that the counts come from. */
  readonly seq: number;
  readonly ok: number;
  readonly denied: number;
  /** As the report has them; absent when it has none. */
  readonly sources?: readonly string[];
  readonly destinations?: readonly string[];
  readonly firstUsedAt: Instant;
  readonly lastUsedAt: Instant;
}

/** Uses of one key on one day (UTC) by all processes of one consumer, row `DAYS#<credential>`; kept for ever. */
export interface UsageDay {
  readonly credentialId: string;
  readonly generation: number;
  readonly consumer: string;
  /** `2026-11-21`, of the minutes it sums up. */
  readonly day: string;
  readonly ok: number;
  readonly denied: number;
  readonly firstUsedAt: Instant;
  readonly lastUsedAt: Instant;
}

/** One batch of reports, folded: at most one entry per row. */
export interface UsageUpdates {
  readonly presence: readonly Presence[];
  readonly usage: readonly UsageRow[];
}

/** Longer than any grace, so that no consumer is forgotten while a key waits for it. */
export const presenceKeptDays = 35;

/** What a report on a credential is checked against. */
export interface KnownCredential {
  /** Generation of each key, by Secrets Manager version id. */
  readonly generations: ReadonlyMap<string, number>;
  /** As `Credential.senders`: the role id that speaks for a consumer. */
  readonly senders: Readonly<Record<string, string | null>>;
}

export interface UsageBook {
  /**
   * Writes what is newer than what is there, as `newer.ts` says, so that duplicates and late reports change nothing.
   * A key's last use in a presence row never moves back. The day's sums change in the same transaction as the minutes
   * that they are made of, so they are exact whatever comes twice, late, or is cut off between two writes.
   */
  apply(updates: UsageUpdates): Promise<void>;
  /**
   * Every process that has reported on the credential and stays, read consistently; those that have left are one row
   * for each consumer, as `withoutLeavers` makes it, so that an autoscaled fleet's past fits into memory.
   */
  presence(credentialId: string): Promise<readonly Presence[]>;
  /**
   * Uses of one key by process and minute; in no order.
   *
   * @param since from the minute on that this lies in, `2026-11-21T10:42Z` or any instant. @default as far back as
   * they are kept
   */
  usage(credentialId: string, generation: number, since?: string): Promise<readonly UsageRow[]>;
  /** Uses by consumer, key and day from `since` (`2026-11-14`) on, across all generations; in no order. */
  days(credentialId: string, since: string): Promise<readonly UsageDay[]>;
  /** @returns undefined for a credential that was never registered. */
  known(credentialId: string): Promise<KnownCredential | undefined>;
}

/** Epoch seconds, as DynamoDB's time to live reads them. */
export const expiryAfter = (at: Instant, days: number): Seconds =>
  Math.floor(Date.parse(at) / 1000) + days * 86_400;

/** SQS keeps a message for so long; it can wait on both queues, and keeps its age when it changes over. */
const queueKeepsDays = 14;

/**
 * How far back a use may lie when its report is sent, for its counts to be taken, where minutes are kept for so many
 * days (15 at least). Such a report is folded within 14 days more, so it never meets a minute that has expired, and
 * no day counts a minute twice. An hour is left for clocks.
 */
export const countsReachOf = (keptDays: number): Seconds => (keptDays - queueKeepsDays) * 86_400 - 3_600;
