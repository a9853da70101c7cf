/**
 * The usage report that consumers put on the queue, version 1: the one documented message format. What a later minor
 * version adds is optional, so `v` stays 1.
 */
import type { Instant } from './instant.ts';

/** Uses of one key in one minute by one instance. Counts are cumulative for the minute, so a resend adds nothing. */
export interface KeyUse {
  readonly credential: string;
  readonly versionId: string;
  /** The minute that the counts belong to, `2026-11-21T10:42Z`. */
  readonly minute: string;
  /** Calls that the issuer accepted. */
  readonly ok: number;
  /** Calls that the issuer refused with 401 or 403. */
  readonly denied: number;
  /** Since v1.1: where the calls came from, as keyed hashes of addresses (hex) whose key only the sender has. */
  readonly sources?: readonly string[];
  /** Since v1.1: host names that the calls went to. */
  readonly destinations?: readonly string[];
  readonly firstUsedAt: Instant;
  /** Repeated for every key this process ever used, so that a lost message hides no use. */
  readonly lastUsedAt: Instant;
}

/** Heartbeat and counts in one message. */
export interface UsageReport {
  readonly v: 1;
  readonly consumer: string;
  readonly instance: string;
  readonly seq: number;
  /** By the client's clock; keyturn shifts all times by (SQS SentTimestamp − sentAt). */
  readonly sentAt: Instant;
  /** Whatever happened before was in reports that the queue has acknowledged; the process start at first. */
  readonly windowStart: Instant;
  /** Up to here the report is complete: no use before it is missing. */
  readonly windowEnd: Instant;
  /** This process ends; its last uses are final. */
  readonly leaving?: boolean;
  /** Credential ids whose keys this process resolves, so that an idle process is present too. */
  readonly credentials: readonly string[];
  /** Version ids in memory right now. */
  readonly holds: readonly string[];
  readonly keys: readonly KeyUse[];
}

/** What a reader makes of a message's body. */
export type ParsedReport =
  | { readonly ok: true; readonly report: UsageReport }
  | { readonly ok: false; readonly code: RejectionCode; readonly reason: string };

/** Why a report, or a part of it, does not count; few and fixed, since they are counted by. */
type RejectionCode =
  | 'malformed'
  | 'too large'
  | 'from the future'
  | 'unknown credential'
  | 'unknown version'
  | 'foreign sender'
  | 'too old';

/** A message that goes to the dead-letter queue, with the reason as an attribute. */
export interface Rejection {
  readonly messageId: string;
  readonly code: RejectionCode;
  readonly reason: string;
}
