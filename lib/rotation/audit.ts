/** The audit trail: one record per change, each hash covering the one before it. */
import type { Instant } from '../usage/instant.ts';
import type { Digests } from './ports.ts';

export interface AuditRecord {
  readonly credentialId: string;
  /** 1, 2, 3 … without a gap. */
  readonly seq: number;
  readonly at: Instant;
  /** Who did it: a step, `registration`, or the person or tool that asked. */
  readonly actor: string;
  /** What was done, in a word or two: the event's name. */
  readonly what: string;
  readonly rotationId: string | null;
  /** The fields that changed, before and after; never a secret. */
  readonly before: Readonly<Record<string, unknown>>;
  readonly after: Readonly<Record<string, unknown>>;
  /** SHA-256 of the previous record's hash and this record's canonical JSON without `hash`. */
  readonly hash: string;
}

/** The record with its hash, chained to `previousHash` (empty text before the first). */
export function chain(
  digests: Pick<Digests, 'sha256'>,
  previousHash: string,
  record: Omit<AuditRecord, 'hash'>,
): AuditRecord {
  return { ...record, hash: digests.sha256(previousHash + canonicalJson(record)) };
}

/** JSON with keys sorted at every depth and without undefined: the same value is always the same text. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    inner !== null && typeof inner === 'object' && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}
