/** A report as the queue delivered it, and what is known beside it. */
import { plus, type Seconds } from './instant.ts';
import type { KeyUse, UsageReport } from './report.ts';
import type { KnownCredential } from './usage-book.ts';

export interface ReportMessage {
  readonly messageId: string;
  readonly report: UsageReport;
  /** SQS's SenderId: who sent it, by AWS's word. */
  readonly senderId: string;
  /** SQS's SentTimestamp: when the queue took it, by a clock that we trust. */
  readonly sentTimestampMs: number;
}

/** By credential id; whatever is not in there is rejected. */
export type KnownCredentials = ReadonlyMap<string, KnownCredential>;

/** The credentials that a report speaks of, each once. */
export const credentialsOf = ({ credentials, keys }: UsageReport): readonly string[] => [
  ...new Set([...credentials, ...keys.map(({ credential }) => credential)]),
];

/** Entries from before the window are there to repeat the last use; the queue has their counts already. */
export const isRepetition = ({ report }: ReportMessage, { lastUsedAt }: KeyUse): boolean =>
  lastUsedAt < report.windowStart;

/**
 * Whether its counts come too late: what was counted of their minute may have expired.
 *
 * @param countsReach how many seconds before its report a use may lie to be counted: see `countsReachOf`.
 */
export const isTooOld = (message: ReportMessage, use: KeyUse, countsReach: Seconds): boolean =>
  !isRepetition(message, use) && plus(use.lastUsedAt, countsReach) < message.report.sentAt;
