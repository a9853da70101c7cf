/** Verify audit: whether an audit trail is whole, by its own numbers and hashes and by the copies outside the table. */
import { type AuditRecord, chain } from './audit.ts';
import type { Credential } from './credential.ts';
import type { Digests } from './ports.ts';

/** What the copy of a record outside the table says; only records that an event told of have one. */
export interface AnchoredRecord {
  readonly seq: number;
  readonly hash: string;
}

export interface TrailFinding {
  /** Number of the record that it is about. */
  readonly seq: number;
  /** What differs, in words. */
  readonly what: string;
}

export interface Trail {
  /** As the ledger gives them. */
  readonly records: readonly AuditRecord[];
  /** What the credential's own row says of its newest record. */
  readonly newest: Pick<Credential, 'auditSeq' | 'auditHash'>;
  readonly anchored: readonly AnchoredRecord[];
}

/**
 * Everything that does not fit, by number; nothing when the trail is whole.
 *
 * A record that was changed breaks its own hash; one whose hash was made to fit breaks the next one's, and in the end
 * the credential's row or an anchored copy. A hash covers all records before it, so that the newest anchored copy
 * speaks for every older record.
 */
export function verifyTrail(digests: Pick<Digests, 'sha256'>, trail: Trail): readonly TrailFinding[] {
  const records = trail.records.toSorted((a, b) => a.seq - b.seq);
  return [
    ...numberFindings(records),
    ...hashFindings(digests, records),
    ...newestFindings(records, trail.newest),
    ...anchorFindings(records, trail.anchored),
  ].toSorted((a, b) => a.seq - b.seq);
}

function numberFindings(records: readonly AuditRecord[]): readonly TrailFinding[] {
  return records.flatMap(({ seq }, at) => {
    const before = records[at - 1]?.seq ?? 0;
    if (seq === before) return [{ seq, what: `there are two records ${seq}` }];
    if (seq === before + 1) return [];
    const gap = seq === before + 2 ? `record ${before + 1} is` : `records ${before + 1} to ${seq - 1} are`;
    return [{ seq: before + 1, what: `${gap} missing` }];
  });
}

function hashFindings(
  digests: Pick<Digests, 'sha256'>,
  records: readonly AuditRecord[],
): readonly TrailFinding[] {
  return records.flatMap(({ hash, ...record }, at) => {
    const before = records[at - 1];
    // After a gap nobody knows the hash before.
    if ((before?.seq ?? 0) !== record.seq - 1) return [];
    const expected = chain(digests, before?.hash ?? '', record).hash;
    if (hash === expected) return [];
    const what = `its hash is ${hash}, but what it says and the record before it make ${expected}`;
    return [{ seq: record.seq, what }];
  });
}

function newestFindings(
  records: readonly AuditRecord[],
  { auditSeq, auditHash }: Trail['newest'],
): readonly TrailFinding[] {
  const last = records.at(-1);
  const seq = last?.seq ?? 0;
  if (seq !== auditSeq) {
    return [
      {
        seq: auditSeq,
        what: `the credential's row says that it is the newest record, the trail ends with ${seq}`,
      },
    ];
  }
  if (!last || last.hash === auditHash) return [];
  return [{ seq, what: `its hash is ${last.hash}, the credential's row says ${auditHash}` }];
}

function anchorFindings(
  records: readonly AuditRecord[],
  anchored: readonly AnchoredRecord[],
): readonly TrailFinding[] {
  const hashes = new Map(records.map(({ seq, hash }) => [seq, hash]));
  return anchored.flatMap(({ seq, hash }) => {
    const found = hashes.get(seq);
    if (found === hash) return [];
    const what =
      found === undefined
        ? 'it is anchored outside the table, and the ledger has no such record'
        : `its hash is ${found}, the copy anchored outside the table says ${hash}`;
    return [{ seq, what }];
  });
}
