/** Usage report v1.1 as this library sends it; written out again because the library ships alone. */

/** An ISO 8601 instant in UTC with milliseconds. */
type Instant = string;

/** Uses of one key in one minute; cumulative, so a resend adds nothing. */
export interface KeyUse {
  readonly credential: string;
  /** Secrets Manager version id. */
  readonly versionId: string;
  /** `2026-11-21T10:42Z` */
  readonly minute: string;
  readonly ok: number;
  readonly denied: number;
  /** Keyed hashes of addresses: a gateway's business, this library sends none. */
  readonly sources?: readonly string[];
  /** Host names that the calls went to. */
  readonly destinations?: readonly string[];
  readonly firstUsedAt: Instant;
  readonly lastUsedAt: Instant;
}

export interface UsageReport {
  readonly v: 1;
  readonly consumer: string;
  readonly instance: string;
  readonly seq: number;
  readonly sentAt: Instant;
  readonly windowStart: Instant;
  readonly windowEnd: Instant;
  readonly leaving?: boolean;
  readonly credentials: readonly string[];
  readonly holds: readonly string[];
  readonly keys: readonly KeyUse[];
}

export const instant = (milliseconds: number): Instant => new Date(milliseconds).toISOString();
